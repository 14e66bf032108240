"""The node of a testbed: snapshotter and containerd, always started with empty roots on a new disk."""

import shutil
from pathlib import Path

from sim.testbed import containerd, disk, leftovers, process, snapshotter
from sim.testbed.binaries import Binaries
from sim.testbed.names import Addresses, Names


def place(names: Names) -> containerd.Containerd:
    """Where this testbed's containerd lies."""
    return containerd.Containerd(names.folder / "node")


def start(
    names: Names,
    addresses: Addresses,
    settings: snapshotter.Settings,
    binaries: Binaries,
    *,
    disk_bytes: int = disk.NODE_BYTES,
) -> None:
    """Start a cold node: the snapshotter first, since containerd asks for it while it boots."""
    here = place(names)
    disk.mount(_disk(names), here.folder, size=disk_bytes)
    snapshotter.start(here.folder, settings, addresses, binaries)
    containerd.start(here, binaries, snapshotter_socket=snapshotter.socket(here.folder))


def stop(names: Names) -> None:
    """Stop the node and remove everything it had: containers, mounts, images. Works after a kill as well."""
    here = place(names)
    process.stop("containerd", here.folder)
    leftovers.kill_containers(names.namespace)
    leftovers.kill_shims(here.socket)
    process.stop("stargz", here.folder)
    leftovers.unmount_below(here.folder)
    if here.folder.exists():
        shutil.rmtree(here.folder)
    _disk(names).unlink(missing_ok=True)


def _disk(names: Names) -> Path:
    return names.folder / "node.disk"

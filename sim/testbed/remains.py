"""What of a testbed is still on the machine: after `down`, nothing may be."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from sim.testbed import leftovers, link, node
from sim.testbed.names import Names

LINKS = ("cwd", "root", "exe")  # of /proc/PID: what a process holds besides its open files (man 5 proc)
LOOPS = Path("/sys/block")


def remains(names: Names) -> list[str]:
    """One line for each folder, mount, namespace, device, cgroup, loop device and process of a testbed. Needs root."""
    mounts = leftovers.mounts_below(names.folder, leftovers.mountinfo())
    places = [names.folder, link.NAMESPACES / names.namespace, link.DEVICES / names.node_device]
    return [
        *(f"is there: {path}" for path in places if path.exists()),
        *(f"mount: {point}" for point in mounts),
        *(f"cgroup: {path}" for path in leftovers.cgroups(names.namespace)),
        *(f"loop device: {name}" for name in loop_devices(names.folder)),
        *(f"process: {pid}" for pid in sorted({*leftovers.shims(node.place(names).socket), *processes(names.folder)})),
    ]


def loop_devices(folder: Path, *, blocks: Path = LOOPS) -> list[str]:
    """The loop devices whose file lies (or lay) below a folder."""
    found = []
    for backing in sorted(blocks.glob("loop*/loop/backing_file")):
        with contextlib.suppress(OSError):  # detached while we looked
            if _below(backing.read_text(), folder):
                found.append(backing.parents[1].name)
    return found


def processes(folder: Path) -> list[int]:
    """The processes that were given a path below a folder, or hold one, also if it has been deleted."""
    return [
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and any(_below(path, folder) for path in _paths(entry))
    ]


def _paths(process: Path) -> Iterator[str]:
    with contextlib.suppress(OSError):
        yield from (process / "cmdline").read_text(errors="replace").split("\0")
    for path in (process / name for name in LINKS):
        with contextlib.suppress(OSError):
            yield str(path.readlink())
    with contextlib.suppress(OSError):  # it ended while we looked
        for descriptor in (process / "fd").iterdir():
            with contextlib.suppress(OSError):
                yield str(descriptor.readlink())


def _below(path: str, folder: Path) -> bool:
    return path.startswith(f"{folder}/")

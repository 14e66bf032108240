"""containerd for one testbed: its configuration as text, and its start."""

from dataclasses import dataclass
from pathlib import Path

from sim.testbed import process
from sim.testbed.binaries import Binaries

# What a node of ours never uses; leaving it out keeps the boot at some 15 ms and the logs readable.
DISABLED_PLUGINS = (
    "io.containerd.cri.v1.images",
    "io.containerd.cri.v1.runtime",
    "io.containerd.grpc.v1.cri",
    "io.containerd.internal.v1.tracing",
    "io.containerd.nri.v1.nri",
    "io.containerd.podsandbox.controller.v1.podsandbox",
    "io.containerd.snapshotter.v1.blockfile",
    "io.containerd.snapshotter.v1.btrfs",
    "io.containerd.snapshotter.v1.devmapper",
    "io.containerd.snapshotter.v1.erofs",
    "io.containerd.snapshotter.v1.zfs",
)
# Unpack with containerd's own gunzip whatever else is installed; without these it prefers igzip, then unpigz.
OWN_GUNZIP = {"CONTAINERD_DISABLE_PIGZ": "1", "CONTAINERD_DISABLE_IGZIP": "1"}


@dataclass(frozen=True, slots=True)
class Containerd:
    """Where one containerd keeps everything: all below one folder, so that two never meet."""

    folder: Path

    @property
    def socket(self) -> Path:
        """Its API; `ctr -a` wants this path absolute."""
        return self.folder / "containerd.sock"

    @property
    def root(self) -> Path:
        """Images, content and snapshots."""
        return self.folder / "root"

    @property
    def state(self) -> Path:
        """Running tasks."""
        return self.folder / "state"


def render_config(place: Containerd, *, snapshotter_socket: Path | None = None) -> str:
    """The TOML of containerd 2.x (version 3), with a lazy snapshotter as proxy plugin if its socket is given.

    `enable_remote_snapshot_annotations` hands image name and layer digests to the snapshotter: without it
    every pull is silently a full one. The transfer service wants one `unpack_config` a snapshotter.
    """
    disabled = ", ".join(f'"{name}"' for name in DISABLED_PLUGINS)
    lines = [
        "version = 3",
        f'root = "{place.root}"',
        f'state = "{place.state}"',
        f"disabled_plugins = [{disabled}]",
        "[grpc]",
        f'  address = "{place.socket}"',
        "[ttrpc]",
        f'  address = "{place.socket}.ttrpc"',
    ]
    snapshotters = ["overlayfs"]
    if snapshotter_socket is not None:
        snapshotters.append("stargz")
        lines += [
            "[proxy_plugins.stargz]",
            '  type = "snapshot"',
            f'  address = "{snapshotter_socket}"',
            "  [proxy_plugins.stargz.exports]",
            '    enable_remote_snapshot_annotations = "true"',
        ]
    for name in snapshotters:
        lines += [
            "[[plugins.'io.containerd.transfer.v1.local'.unpack_config]]",
            '  platform = "linux"',
            f'  snapshotter = "{name}"',
            '  differ = "walking"',
        ]
    return "\n".join(lines) + "\n"


def start(place: Containerd, binaries: Binaries, *, snapshotter_socket: Path | None = None) -> process.Running:
    """Start containerd in its folder and wait until it answers. The shim is found beside it."""
    place.folder.mkdir(parents=True, exist_ok=True)
    place.socket.unlink(missing_ok=True)
    config = place.folder / "containerd.toml"
    config.write_text(render_config(place, snapshotter_socket=snapshotter_socket))
    environment = {
        **OWN_GUNZIP,
        "PATH": f"{binaries.folder}:/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin",
    }
    # The debug log says when each layer was unpacked (`sim.testbed.daemon_logs`).
    command = [str(binaries.path("containerd")), "--config", str(config), "--log-level", "debug"]
    running = process.start("containerd", command, place.folder, environment=environment)
    process.wait_for(place.socket, running, "containerd")
    return running

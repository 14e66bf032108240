"""The file systems of a recording: a FUSE mount a layer, a tmpfs for the writable layer, overlayfs over all."""

import os
from collections.abc import Sequence

from sim.record import syscalls
from sim.record.passthrough import Layer
from sim.record.rows import RowStore
from sim.record.threads import ThreadBook


class Mounts:
    """All below `scratch`, an existing empty folder, in the mount namespace of the calling process.

    root: the merged file system. upper: the writable layer's folder.
    """

    def __init__(self, scratch: str) -> None:
        self.root = f"{scratch}/merged"
        self.upper = f"{scratch}/rw/upper"
        self._scratch = scratch
        self._made: list[str] = []
        self._layers: list[Layer] = []

    def make(self, lowers: Sequence[str], *, read_delay_s: float, store: RowStore, threads: ThreadBook) -> None:
        """Mount `lowers`, bottom to top, and the overlay over them. What was made is removed by `remove`."""
        self._mount_tmpfs(self._scratch)
        os.chdir(self._scratch)  # overlayfs takes one page of options: short names leave room for many layers
        for number, folder in enumerate(lowers):
            point = f"{self._scratch}/l{number}"
            os.mkdir(point)
            layer = Layer(
                folder=folder,
                mount_point=point,
                number=number,
                read_delay_s=read_delay_s,
                store=store,
                threads=threads,
            )
            self._layers.append(layer)
            self._made.append(point)
        os.mkdir("rw")
        self._mount_tmpfs(f"{self._scratch}/rw")
        self._mount_overlay(len(lowers))

    def make_plain(self, lowers: Sequence[str]) -> None:
        """Mount an overlay over `lowers` themselves, as after a full pull; its writable layer is on the disk."""
        os.chdir(self._scratch)
        for number, folder in enumerate(lowers):
            point = f"{self._scratch}/l{number}"
            os.mkdir(point)
            syscalls.mount(folder, point, "none", syscalls.MS_BIND)
            self._made.append(point)
        os.mkdir("rw")
        self._mount_overlay(len(lowers))

    def _mount_overlay(self, layers: int) -> None:
        for name in ("rw/upper", "rw/work", "merged"):
            os.mkdir(name)
        lower = ":".join(f"l{number}" for number in reversed(range(layers)))
        syscalls.mount("overlay", self.root, "overlay", 0, f"lowerdir={lower},upperdir=rw/upper,workdir=rw/work")
        self._made.append(self.root)

    def remove(self) -> None:
        """Unmount all, newest first, and wait for the layers' servers."""
        os.chdir("/")
        for target in reversed(self._made):
            syscalls.unmount(target)
        for layer in self._layers:
            layer.close()

    def _mount_tmpfs(self, target: str) -> None:
        syscalls.mount("tmpfs", target, "tmpfs", 0, "mode=755")
        self._made.append(target)

"""A disk of a node's own: a new ext4 file system in a sparse file, mounted through a loop device.

Every cold node gets one. On a file system that it shared with its forerunners it would pay for them: ext4 gives no
inode out again in the minutes after its file was deleted, and looks at each such one for every file it creates
(Linux fs/ext4/ialloc.c, `recently_deleted`).
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sim.testbed import leftovers
from sim.testbed.binaries import system_tool
from sim.testbed.commands import run

NODE_BYTES = 32 << 30  # room for the largest image, packed and unpacked; only what is written takes space


def mount(image: Path, point: Path, *, size: int) -> None:
    """Make a file system of so many bytes in a new file and mount it. The loop device goes when it is unmounted.

    Nothing is cached twice (direct I/O), and no kernel thread fills inode tables meanwhile (noinit_itable).
    """
    image.unlink(missing_ok=True)
    with image.open("wb") as file:
        file.truncate(size)
    run(system_tool("mkfs.ext4", "e2fsprogs"), "-q", "-F", str(image))
    point.mkdir(parents=True, exist_ok=True)
    losetup = system_tool("losetup", "mount")
    device = run(losetup, "--find", "--show", "--direct-io=on", str(image)).strip()
    try:
        run("mount", "-o", "noinit_itable", device, str(point))
    finally:
        run(losetup, "--detach", device)  # takes effect when it is unmounted


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder on a new disk; gone, with all that was mounted below it, in the end."""
    with tempfile.TemporaryDirectory(prefix="lazypull-disk-") as folder:
        point = Path(folder) / "disk"
        try:
            mount(Path(folder) / "image", point, size=NODE_BYTES)
            yield point
        finally:
            leftovers.unmount_below(point)

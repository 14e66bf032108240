"""A disk that is too small: an ext4 file system in a file, mounted through a loop device."""

from pathlib import Path

from sim.testbed.binaries import system_tool
from sim.testbed.commands import run


def mount(image: Path, point: Path, *, size: int) -> None:
    """Make a file system of so many bytes in a new file and mount it. The loop device goes when it is unmounted."""
    with image.open("wb") as file:
        file.truncate(size)
    run(system_tool("mkfs.ext4", "e2fsprogs"), "-q", "-F", str(image))
    point.mkdir(parents=True, exist_ok=True)
    run("mount", "-o", "loop", str(image), str(point))

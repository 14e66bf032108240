"""Find and remove what a killed containerd leaves behind: shims with their containers, mounts, cgroups."""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from sim.testbed.commands import run

CGROUPS = Path("/sys/fs/cgroup")
MOUNT_POINT_FIELD = 4  # of a line of /proc/self/mountinfo (man 5 proc), counted from 0


def mounts_below(folder: Path, mountinfo: str) -> list[str]:
    """The mount points at or below a folder, innermost and newest first."""
    prefix = str(folder)
    points = [_unescape(line.split()[MOUNT_POINT_FIELD]) for line in mountinfo.splitlines()]
    return [point for point in reversed(points) if point == prefix or point.startswith(prefix + "/")]


def mountinfo() -> str:
    """The mounts of this process's namespace, as the kernel lists them (man 5 proc)."""
    return Path("/proc/self/mountinfo").read_text()


def lazy_mounts_below(folder: Path) -> list[str]:
    """Where FUSE layers are mounted below a folder now, innermost and newest first."""
    return mounts_below(folder, "\n".join(line for line in mountinfo().splitlines() if " - fuse" in line))


def _unescape(text: str) -> str:
    """The kernel writes blank, tab, newline and backslash of a path as octal numbers."""
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        text = text.replace(code, character)
    return text


def unmount_below(folder: Path) -> int:
    """Unmount everything below a folder, lazily where it is still busy. How many there were."""
    points = mounts_below(folder, mountinfo())
    for point in points:
        run("umount", "--lazy", point, accept=(0, 32))  # 32: already gone with an outer one
    return len(points)


def shims(socket: Path) -> list[int]:
    """The container shims that serve the containerd of this socket: it stands in their arguments."""
    wanted = os.fsencode(socket)
    return [pid for pid, arguments in _processes() if b"-address" in arguments and wanted in arguments]


def _processes() -> Iterator[tuple[int, list[bytes]]]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):  # it ended while we looked
                yield int(entry.name), (entry / "cmdline").read_bytes().split(b"\0")


def kill_containers(namespace: str) -> None:
    """Kill every process in the cgroups of a containerd namespace, then remove the cgroups."""
    for top in _cgroup_tops(namespace):
        for folder in sorted(top.rglob("*"), reverse=True):
            if folder.is_dir():
                _empty_and_remove(folder)
        _empty_and_remove(top)


def kill_shims(socket: Path, *, patience_s: float = 5.0) -> int:
    """Kill the shims of a containerd and wait for their end. How many there were."""
    found = shims(socket)
    for pid in found:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + patience_s
    while shims(socket) and time.monotonic() < deadline:
        time.sleep(0.02)
    return len(found)


def cgroups(namespace: str) -> list[Path]:
    """The cgroups that are left of a containerd namespace, one in each hierarchy."""
    return list(_cgroup_tops(namespace))


def _cgroup_tops(namespace: str) -> Iterator[Path]:
    """The namespace's cgroup in cgroup v2, and in each hierarchy of v1."""
    if (CGROUPS / namespace).is_dir():
        yield CGROUPS / namespace
    for hierarchy in CGROUPS.iterdir():
        if (hierarchy / namespace).is_dir():
            yield hierarchy / namespace


def _empty_and_remove(cgroup: Path, *, patience_s: float = 2.0) -> None:
    deadline = time.monotonic() + patience_s
    while cgroup.is_dir() and time.monotonic() < deadline:
        for pid in (cgroup / "cgroup.procs").read_text().split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        try:
            cgroup.rmdir()
        except OSError:  # its processes have not quite ended
            time.sleep(0.02)

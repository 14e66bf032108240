"""A root file system to work in while a layer is built: overlay mount, /proc, /dev, commands inside."""

import os
import stat
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sim.core.errors import RunFailed

BUILD_ENV = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LC_ALL": "C.UTF-8",
    "DEBIAN_FRONTEND": "noninteractive",
    "PYTHONDONTWRITEBYTECODE": "1",
    "HOME": "/root",
}
MEMORY_MAJOR = 1  # Linux, Documentation/admin-guide/devices.txt
MEMORY_DEVICES = {"null": 3, "zero": 5, "full": 7, "random": 8, "urandom": 9}
TAIL_CHARACTERS = 400  # of a failed command's output that go into the error


@contextmanager
def merged_root(lowers: Sequence[Path], work: Path) -> Iterator[Path]:
    """Mount `lowers` (lowest first) under the upper `work`/upper, a /proc and a small /dev; yield the merged root."""
    upper, scratch, merged = (work / name for name in ("upper", "scratch", "merged"))
    for folder in (upper, scratch, merged):
        folder.mkdir()
    stacked = ":".join(str(lower) for lower in reversed(lowers))
    # Without redirects and metacopy the upper holds nothing but plain files, whiteouts and opaque marks.
    options = f"lowerdir={stacked},upperdir={upper},workdir={scratch},redirect_dir=off,metacopy=off,index=off"
    with ExitStack() as mounts:
        mounts.enter_context(mounted(merged, "-t", "overlay", "-o", options, "overlay"))
        mounts.enter_context(mounted(merged / "proc", "-t", "proc", "proc"))
        mounts.enter_context(mounted(merged / "dev", "-t", "tmpfs", "-o", "mode=755", "tmpfs"))
        _make_devices(merged / "dev")
        yield merged


def _make_devices(folder: Path) -> None:
    """Make the few devices that installers open; the machine's own /dev is never inside a root we delete."""
    for name, minor in MEMORY_DEVICES.items():
        os.mknod(folder / name, 0o666 | stat.S_IFCHR, os.makedev(MEMORY_MAJOR, minor))
        (folder / name).chmod(0o666)
    (folder / "shm").mkdir(mode=0o1777)
    (folder / "shm").chmod(0o1777)
    (folder / "fd").symlink_to("/proc/self/fd")


@contextmanager
def mounted(target: Path, *arguments: str) -> Iterator[None]:
    """Mount something at `target` for a while, invisible to other mount groups."""
    call(["mount", *arguments, str(target)])
    try:
        call(["mount", "--make-rprivate", str(target)])
        yield
    finally:
        call(["umount", "--recursive", "--lazy", str(target)])


def call(command: Sequence[str], *, env: Mapping[str, str] | None = None) -> str:
    """Run a command and return what it printed. Raises `RunFailed` with the end of its output."""
    done = subprocess.run(command, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        tail = " ".join((done.stdout + done.stderr).split())[-TAIL_CHARACTERS:]
        raise RunFailed(f"{' '.join(command)[:200]}: exit status {done.returncode}: {tail}")
    return done.stdout


def call_inside(root: Path, script: str) -> str:
    """Run a shell script inside `root`. Raises `RunFailed`."""
    return call(["chroot", str(root), "/bin/sh", "-ec", script], env=BUILD_ENV)


def host_env() -> dict[str, str]:
    """Return this process's environment, quiet and without questions, for tools that work on a root from outside."""
    return dict(os.environ) | {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}

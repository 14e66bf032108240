"""The container's side: namespaces, the mounts a container gets, the new root, and at last the command.

Run as `python -m sim.record.container` by the supervisor; speaks to it in lines over a pipe. The order is
that of runc; what differs (no cgroup, no seccomp, full capabilities) does not change what is read.
"""

import os
import signal
import socket
import stat
import sys
import time
from pathlib import Path

import msgspec

from sim.record import syscalls
from sim.record.syscalls import MS_BIND, MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_RDONLY, mount

HOSTNAME = "lazypull"
DEVICES = {
    "null": (1, 3),
    "zero": (1, 5),
    "full": (1, 7),
    "random": (1, 8),
    "urandom": (1, 9),
    "tty": (5, 0),
}
DEVICE_LINKS = {
    "fd": "/proc/self/fd",
    "stdin": "/proc/self/fd/0",
    "stdout": "/proc/self/fd/1",
    "stderr": "/proc/self/fd/2",
    "ptmx": "pts/ptmx",
}
ETC_FILES = {
    "hosts": f"127.0.0.1 localhost\n::1 localhost\n127.0.0.1 {HOSTNAME}\n",
    "hostname": f"{HOSTNAME}\n",
    "resolv.conf": "",
}
NO_SUCH_COMMAND = 127


class ContainerSpec(msgspec.Struct, frozen=True):
    """What the stage needs to know. root: the merged file system; scratch: a folder for files to bind."""

    root: str
    scratch: str
    command: list[str]
    env: dict[str, str]
    cwd: str
    status_fd: int  # lines go here: "pid N", "ready", "start NS", "error TEXT"
    go_fd: int  # one byte here starts the command


def main() -> None:
    """Start the first process two process namespaces down, wait for it and end with its status.

    The outer namespace is a leash: its first process is ours and dies with us, and the kernel then ends all
    that is in it. The container's own first process may have shed its parent-death signal by changing users.
    """
    spec = msgspec.json.decode(sys.argv[1], type=ContainerSpec)
    syscalls.die_with_parent(signal.SIGKILL)
    syscalls.unshare(syscalls.CLONE_NEWPID)
    if _is_child(spec):
        syscalls.die_with_parent(signal.SIGKILL)
        flags = syscalls.CLONE_NEWNS | syscalls.CLONE_NEWPID | syscalls.CLONE_NEWIPC | syscalls.CLONE_NEWUTS
        syscalls.unshare(flags)
        if _is_child(spec):
            _first_process(spec)


def _is_child(spec: ContainerSpec) -> bool:
    """Fork; the parent waits and ends with the child's status."""
    child = os.fork()
    if child == 0:
        return True
    os.close(spec.status_fd)
    os.close(spec.go_fd)
    _, status = os.waitpid(child, 0)
    os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def _first_process(spec: ContainerSpec) -> None:
    try:
        pid = os.readlink("/proc/self")  # as the supervisor's /proc numbers it, which is mounted until `_enter`
        os.write(spec.status_fd, f"pid {pid}\n".encode())
        _enter(spec)
        os.write(spec.status_fd, b"ready\n")
        if not os.read(spec.go_fd, 1):
            os._exit(1)
        os.close(spec.go_fd)
        os.set_inheritable(spec.status_fd, False)
        os.chdir(spec.cwd)
        for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them; a command expects the default
            signal.signal(number, signal.SIG_DFL)
        os.write(spec.status_fd, f"start {time.monotonic_ns()}\n".encode())
        _execute(spec)
    except OSError as error:
        where = os.fsdecode(error.filename) if error.filename is not None else "container"
        os.write(spec.status_fd, f"error {where}: {error.strerror}\n".encode())
    except BaseException as error:
        os.write(spec.status_fd, f"error {error}\n".encode())
    os._exit(NO_SUCH_COMMAND)


def _execute(spec: ContainerSpec) -> None:
    try:
        os.execvpe(spec.command[0], spec.command, spec.env)
    except OSError as error:
        error.filename = f"command {spec.command[0]!r}"
        raise


def _enter(spec: ContainerSpec) -> None:
    syscalls.make_mounts_private()
    socket.sethostname(HOSTNAME)
    mount(spec.root, spec.root, "none", MS_BIND)
    root = Path(spec.root)
    _mount_at(root / "proc", "proc", MS_NOSUID | MS_NOEXEC | MS_NODEV)
    _make_devices(root / "dev")
    _mount_at(root / "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620,gid=5")
    _mount_at(root / "dev/shm", "tmpfs", MS_NOSUID | MS_NOEXEC | MS_NODEV, "mode=1777,size=65536k")
    _mount_at(root / "dev/mqueue", "mqueue", MS_NOSUID | MS_NOEXEC | MS_NODEV)
    _mount_at(root / "sys", "sysfs", MS_NOSUID | MS_NOEXEC | MS_NODEV | MS_RDONLY)
    for name, text in ETC_FILES.items():
        _bind_file(root / "etc" / name, Path(spec.scratch) / name, text)
    syscalls.pivot_root(spec.root)


def _mount_at(target: Path, kind: str, flags: int, options: str = "") -> None:
    target.mkdir(parents=True, exist_ok=True)
    mount(kind, str(target), kind, flags, options)


def _make_devices(folder: Path) -> None:
    _mount_at(folder, "tmpfs", MS_NOSUID, "mode=755,size=65536k")
    before = os.umask(0)
    for name, (major, minor) in DEVICES.items():
        os.mknod(folder / name, stat.S_IFCHR | 0o666, os.makedev(major, minor))
    os.umask(before)
    for name, target in DEVICE_LINKS.items():
        (folder / name).symlink_to(target)


def _bind_file(target: Path, source: Path, text: str) -> None:
    source.write_text(text)
    if not target.is_file() or target.is_symlink():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        target.touch()
    mount(str(source), str(target), "none", MS_BIND)


if __name__ == "__main__":
    main()

"""Start and stop the testbed's processes by pid files, so that a later command can stop what this one started."""

import contextlib
import os
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sim.core.errors import RunFailed
from sim.testbed.commands import favour

START_TIME_FIELD = 22 - 3  # field 22 of /proc/PID/stat, counted from the state, which is field 3 (man 5 proc)
CPU_TIME_FIELDS = (14 - 3, 15 - 3)  # utime and stime, counted likewise


@dataclass(frozen=True, slots=True)
class Running:
    """A process by its id and its start time in clock ticks: together they never mean another process."""

    pid: int
    started_ticks: int
    log: Path

    def alive(self) -> bool:
        """Whether it still runs (a zombie does not)."""
        return started_ticks(self.pid) == self.started_ticks

    def cpu_s(self) -> float:
        """Processor time it has used, user's and system's, seconds; 0 if it is gone."""
        fields = _stat(self.pid) if self.alive() else None
        return 0.0 if fields is None else sum(int(fields[at]) for at in CPU_TIME_FIELDS) / os.sysconf("SC_CLK_TCK")


def started_ticks(pid: int) -> int | None:
    """When a process started, in clock ticks since boot; None if there is none or it is a zombie."""
    fields = _stat(pid)
    return None if fields is None or fields[0] in "ZX" else int(fields[START_TIME_FIELD])


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat from the state on; None if there is no such process."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return text[text.rindex(")") + 2 :].split()  # the program's name may hold spaces and brackets


def far_side_core() -> int:
    """The core that link and registry share: the last of this machine, so that they stand in the node's way alike."""
    return max(os.sched_getaffinity(0))


def start(
    name: str,
    command: Sequence[str],
    folder: Path,
    *,
    environment: Mapping[str, str] | None = None,
    core: int | None = None,
) -> Running:
    """Start a daemon: output to folder/NAME.log, identity to folder/NAME.pid. core: the only one it may use."""
    log = str(folder / f"{name}.log")
    files = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    # Not subprocess.Popen: that warns about a child it outlives, and a daemon is meant to be outlived.
    with _bound_to(core):
        pid = os.posix_spawnp(
            command[0], list(command), {**os.environ, **(environment or {})}, file_actions=files, setsid=True
        )
    favour(pid)
    ticks = started_ticks(pid)
    if ticks is None:
        raise RunFailed(f"{name} ended at once: {_last_line(Path(log))}")
    (folder / f"{name}.pid").write_text(f"{pid} {ticks}\n")
    return Running(pid, ticks, Path(log))


@contextlib.contextmanager
def _bound_to(core: int | None) -> Iterator[None]:
    """Bind this thread, and thereby what it starts meanwhile, to a core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, before if core is None else {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def recorded(name: str, folder: Path) -> Running | None:
    """The process that a pid file names, running or not; None without a (whole) pid file."""
    try:
        pid, ticks = (folder / f"{name}.pid").read_text().split()
        return Running(int(pid), int(ticks), folder / f"{name}.log")
    except (OSError, ValueError):
        return None


def stop(name: str, folder: Path, *, patience_s: float = 10.0) -> bool:
    """Ask the recorded process to end, then make it. True if one was running."""
    running = recorded(name, folder)
    was_alive = running is not None and running.alive()
    if running is not None and was_alive:
        for order in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.kill(running.pid, order)
            if _ended(running, patience_s):
                break
    (folder / f"{name}.pid").unlink(missing_ok=True)
    return was_alive


def kill(name: str, folder: Path, *, patience_s: float = 10.0) -> None:
    """End the recorded process as a crash would, without a word; its pid file stays."""
    running = recorded(name, folder)
    if running is not None and running.alive():
        os.kill(running.pid, signal.SIGKILL)
        _ended(running, patience_s)


def _ended(running: Running, patience_s: float) -> bool:
    deadline = time.monotonic() + patience_s
    while running.alive():
        if time.monotonic() > deadline:
            return False
        _reap(running.pid)
        time.sleep(0.02)
    _reap(running.pid)
    return True


def _reap(pid: int) -> None:
    """Collect the exit status if it is our child, so that no zombie stays."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def wait_for(path: Path, running: Running, what: str, *, at_most_s: float = 20.0) -> None:
    """Wait until a file or socket exists. Raises `RunFailed` when its process ends first or time is up."""
    deadline = time.monotonic() + at_most_s
    while not path.exists():
        if not running.alive() or time.monotonic() > deadline:
            raise RunFailed(f"{what} did not come up within {at_most_s:.0f} s: {_last_line(running.log)}")
        time.sleep(0.02)


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else f"{log.name} is empty"

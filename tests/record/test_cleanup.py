"""Nothing is left behind: however a recording ends, no mount, process, namespace or folder stays."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sim.core.errors import RunFailed
from tests.record.rootfs import shell

pytestmark = pytest.mark.root

LONG_RUN = """
import sys
from pathlib import Path
from tests.record.rootfs import shell
command, *lowers = sys.argv[1:]
shell([Path(text) for text in lowers], command, readiness="line:never")
"""
SLEEP = "sleep 1000; true"  # two processes: the shell and its child
OTHER_USER = "exec setpriv --reuid=1000 --clear-groups sleep 1000"  # sheds the parent-death signal
REPOSITORY = Path(__file__).parents[2]


def descendants(root: int) -> set[int]:
    """Processes below `root`."""
    found: set[int] = set()
    for child in Path(f"/proc/{root}/task").glob("*/children"):
        for text in child.read_text().split():
            found |= {int(text)} | descendants(int(text))
    return found


def alive(process: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


def own_mounts(folder: Path) -> list[str]:
    """Mounts of a recorder, seen from here."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return [line for line in lines if str(folder) in line or "fuse.lazypull" in line]


def until(condition) -> bool:
    for _ in range(1000):
        if condition():
            return True
        time.sleep(0.01)
    return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_recorder_that_is_stopped_takes_everything_with_it(lowers, tmp_path, number):
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-c", LONG_RUN, SLEEP, *map(str, lowers)]
    recorder = subprocess.Popen(command, env=environment, cwd=REPOSITORY, stderr=subprocess.DEVNULL)
    try:
        assert until(lambda: any(_comm(process) == "sleep" for process in descendants(recorder.pid)))
        below = descendants(recorder.pid)
        assert len(below) >= 4  # supervisor, stage, shell, sleep
    finally:
        recorder.send_signal(number)
        recorder.wait()
    assert until(lambda: not any(alive(process) for process in below))
    assert not own_mounts(tmp_path)
    if number == signal.SIGINT:
        assert list(tmp_path.iterdir()) == []  # a killed recorder leaves its empty folder


@pytest.mark.parametrize("script", [SLEEP, OTHER_USER], ids=["same user", "other user"])
def test_a_killed_supervisor_fails_the_recording_and_takes_the_container_along(lowers, tmp_path, script):
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-c", LONG_RUN, script, *map(str, lowers)]
    recorder = subprocess.Popen(command, env=environment, cwd=REPOSITORY, stderr=subprocess.PIPE, text=True)
    assert until(lambda: any(_comm(process) == "sleep" for process in descendants(recorder.pid)))
    below = descendants(recorder.pid)
    [supervisor] = [
        int(text) for text in Path(f"/proc/{recorder.pid}/task/{recorder.pid}/children").read_text().split()
    ]
    os.kill(supervisor, signal.SIGKILL)
    _, complaint = recorder.communicate()
    assert "RunFailed" in complaint
    assert until(lambda: not any(alive(process) for process in below))
    assert list(tmp_path.iterdir()) == []


def test_a_workload_that_ignores_sigterm_and_leaves_children_is_ended(lowers):
    before = descendants(os.getpid())
    shell(lowers, "trap '' TERM; sleep 1000 & echo up; wait", readiness="line:up")
    assert descendants(os.getpid()) == before


def test_a_failed_recording_leaves_nothing(lowers, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(RunFailed):
        shell(lowers, "exit 1")
    assert not own_mounts(tmp_path)
    assert list(tmp_path.iterdir()) == []


def _comm(process: int) -> str:
    try:
        return Path(f"/proc/{process}/comm").read_text().strip()
    except OSError:
        return ""

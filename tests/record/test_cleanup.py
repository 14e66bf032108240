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
shell([Path(text) for text in sys.argv[1:]], "echo up > /tmp-mark; sleep 1000", readiness="line:never")
"""
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


def until(condition) -> bool:
    for _ in range(1000):
        if condition():
            return True
        time.sleep(0.01)
    return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_recorder_that_is_stopped_takes_everything_with_it(lowers, tmp_path, number):
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    before = Path("/proc/self/mountinfo").read_text()
    command = [sys.executable, "-c", LONG_RUN, *map(str, lowers)]
    recorder = subprocess.Popen(command, env=environment, cwd=REPOSITORY, stderr=subprocess.DEVNULL)
    try:
        assert until(lambda: any(_comm(process) == "sleep" for process in descendants(recorder.pid)))
        below = descendants(recorder.pid)
        assert len(below) >= 4  # supervisor, stage, shell, sleep
    finally:
        recorder.send_signal(number)
        recorder.wait()
    assert until(lambda: not any(alive(process) for process in below))
    assert Path("/proc/self/mountinfo").read_text() == before
    if number == signal.SIGINT:
        assert list(tmp_path.iterdir()) == []  # a killed recorder leaves its empty folder


def test_a_killed_supervisor_fails_the_recording_and_takes_the_container_along(lowers, tmp_path):
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-c", LONG_RUN, *map(str, lowers)]
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
    before = Path("/proc/self/mountinfo").read_text()
    with pytest.raises(RunFailed):
        shell(lowers, "exit 1")
    assert Path("/proc/self/mountinfo").read_text() == before
    assert list(tmp_path.iterdir()) == []


def _comm(process: int) -> str:
    try:
        return Path(f"/proc/{process}/comm").read_text().strip()
    except OSError:
        return ""

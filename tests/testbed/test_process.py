"""Daemons by pid file: stopped by whoever comes later, never mistaken for another process."""

import os
import sys

import pytest

from sim.core.errors import RunFailed
from sim.testbed import process

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


def test_started_recorded_and_stopped(tmp_path):
    running = process.start("sleeper", SLEEP, tmp_path)
    assert process.recorded("sleeper", tmp_path) == running
    assert running.alive()
    assert process.stop("sleeper", tmp_path)
    assert not running.alive()
    assert not (tmp_path / "sleeper.pid").exists()


def test_one_that_ignores_the_request_is_made_to_end(tmp_path):
    ready = tmp_path / "ready"
    stubborn = (
        f"import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); open({str(ready)!r}, 'w'); time.sleep(60)"
    )
    running = process.start("stubborn", [sys.executable, "-c", stubborn], tmp_path)
    process.wait_for(ready, running, "stubborn")
    assert process.stop("stubborn", tmp_path, patience_s=0.2)
    assert not running.alive()


def test_a_reused_pid_is_left_alone(tmp_path):
    (tmp_path / "old.pid").write_text(f"{os.getpid()} 1\n")  # this very process, but "started" at boot
    assert not process.stop("old", tmp_path)


@pytest.mark.parametrize("content", ["", "12", "x y"])
def test_a_torn_pid_file_counts_as_none(tmp_path, content):
    (tmp_path / "torn.pid").write_text(content)
    assert process.recorded("torn", tmp_path) is None
    assert not process.stop("torn", tmp_path)


def test_waiting_ends_when_the_process_does(tmp_path):
    running = process.start("brief", [sys.executable, "-c", "import time; time.sleep(0.5)"], tmp_path)
    with pytest.raises(RunFailed, match="brief did not come up"):
        process.wait_for(tmp_path / "never", running, "brief")

"""Measuring on a real stack that breaks, and a measurement that is killed: told as such, and nothing stays behind."""

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from sim.core.errors import BadInput
from sim.core.store import load_run
from sim.experiment.load import make_experiment
from sim.experiment.plan import make_plan
from sim.testbed import images, link, registry, up
from sim.testbed.fault_kinds import kill_registry
from sim.testbed.inject import container_runs
from sim.testbed.measure import measure
from sim.testbed.names import names
from sim.testbed.remains import remains

pytestmark = [pytest.mark.root, pytest.mark.alone, pytest.mark.usefixtures("real_stack", "web_image")]

NAME = "tbreak"
EXPERIMENT = {
    "name": "breaking",
    "workload": "web",
    "strategy": "lazy",
    "network": {"rate": "20 Mbit/s", "rtt": "20ms"},
    "what_ifs": False,
}
MEASURING = f"""
from pathlib import Path
from sim.experiment.load import make_experiment
from sim.experiment.plan import make_plan
from sim.testbed.measure import measure
measure(make_plan(make_experiment({EXPERIMENT!r}, Path("config"))), Path("."), testbed={NAME!r})
"""


@pytest.fixture
def web_image():
    try:
        images.oci_folder("web", "estargz")
    except BadInput as missing:
        pytest.skip(f"THE REAL STACK IS NOT BROKEN ON PURPOSE: {missing}")


@pytest.fixture
def here():
    yield names(NAME)
    up.down(NAME)


def wait_until(condition, *, at_most_s=30.0):
    deadline = time.monotonic() + at_most_s
    while not condition():
        assert time.monotonic() < deadline, "it did not come so far"
        time.sleep(0.05)


def layer_was_asked(here):
    """Whether a node's first bytes of a blob are answered; pushing asks with other methods."""
    log = registry.request_log(here.folder / "registry")
    lines = log.read_bytes().splitlines() if log.exists() else []
    return any(b'"GET"' in line and b"/blobs/sha256:" in line for line in lines)


def test_a_registry_killed_mid_run_fails_that_cell_and_no_other(here, tmp_path):
    def fault():
        wait_until(lambda: layer_was_asked(here))
        kill_registry(here)

    plan = make_plan(make_experiment(EXPERIMENT | {"replicates": 2}, Path("config")))
    thread = threading.Thread(target=fault)
    thread.start()
    outcome = measure(plan, tmp_path, testbed=NAME)
    thread.join()
    assert (outcome.done, outcome.failed) == (1, 1)
    runs = {run.manifest.status: run for run in map(load_run, outcome.folder.glob("*/")) if run.manifest}
    assert runs["failed"].summary == {}
    assert runs["failed"].manifest.error
    assert len(runs["failed"].manifest.error.splitlines()) == 1
    assert runs["done"].manifest.error is None
    assert runs["done"].summary["total_s"] > 0
    assert remains(here) == []


@pytest.mark.parametrize("cut", [False, True])
def test_down_cleans_up_after_a_measurement_that_was_killed(here, tmp_path, cut):
    """cut: meanwhile the container's reads wait for a link that carries nothing."""
    with subprocess.Popen([sys.executable, "-c", MEASURING], cwd=tmp_path) as measuring:
        wait_until(lambda: container_runs(here.namespace) or measuring.poll() is not None)
        if cut:
            link.reshape(here, link.Shape(cut=True))
            time.sleep(0.5)
        measuring.kill()
    assert measuring.returncode == -signal.SIGKILL
    left = {line.partition(":")[0] for line in remains(here)}
    assert {"is there", "mount", "cgroup", "process"} <= left
    assert link.inside(here)
    assert up.down(NAME)
    assert remains(here) == []

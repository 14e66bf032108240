"""CI's small look at the real stack: one small image, three presets, one link, once each, against the model.

No tolerance on times: a shared machine has any. What must agree whatever the machine is what is asked of the registry.
"""

import math
from collections import Counter
from pathlib import Path

import pytest

from sim.catalog import workload
from sim.core.errors import LazypullError
from sim.core.layout import read_layout
from sim.core.manifest import MANIFEST_FILE
from sim.core.store import load_run
from sim.experiment.compose import compose
from sim.experiment.executors import Serial
from sim.experiment.load import make_experiment
from sim.experiment.plan import make_plan
from sim.experiment.runner import run_plan
from sim.testbed import images, up
from sim.testbed.measure import measure
from sim.testbed.names import names
from sim.testbed.remains import remains
from tests.testbed.real import skip_unless_possible

pytestmark = [pytest.mark.root, pytest.mark.alone]

TESTBED = "ci"
WORKLOAD = "web"
PRESETS = ("full", "lazy", "prefetch")
EXPERIMENT = {
    "name": "real-check",
    "workload": WORKLOAD,
    "strategy": "lazy",
    "network": {"rate": "100 Mbit/s", "rtt": "20ms"},
    "what_ifs": False,
    "matrix": {"strategy": list(PRESETS)},
}
NO_LAYER = {"manifest", "config", "token"}


def skip_unless_recorded(plan):
    """Skip, and say loudly, where the image is not built here, cannot be converted or is not the recorded one."""
    try:
        for task in plan.tasks:
            kind = compose(task.cell.strategy).format
            images.check_layers(images.oci_folder(WORKLOAD, kind), read_layout(task.workload.layouts[kind]))
    except LazypullError as error:
        pytest.skip(f"THE REAL STACK IS NOT CHECKED AGAINST THE MODEL HERE: {error}")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """The runs of both sources, (source, preset) → run, measured and simulated into one folder."""
    skip_unless_possible()
    plan = make_plan(make_experiment(EXPERIMENT, Path("experiment")))
    skip_unless_recorded(plan)
    up.down(TESTBED)  # of a check that was killed; nobody else uses the name
    out = tmp_path_factory.mktemp("results")
    folder = measure(plan, out, testbed=TESTBED, say=print).folder
    run_plan(plan, out, Serial())
    stored = [load_run(file.parent) for file in folder.glob(f"*/{MANIFEST_FILE}")]
    return {(run.manifest.source, run.manifest.strategy): run for run in stored}


def before_ready(run) -> list[dict]:
    """Requests that were answered by ready: the log of a real run ends there, the model goes on."""
    return [row for row in run.requests.to_pylist() if row["end_s"] <= run.summary["total_s"]]


def asked(run) -> Counter:
    """Multiset of (blob, byte ranges) asked for layers."""
    return Counter(
        (row["blob"], tuple(tuple(pair) for pair in row["ranges"]))
        for row in before_ready(run)
        if row["cause"] not in NO_LAYER
    )


def test_every_preset_is_done_on_both_sides(runs):
    assert {key: run.manifest.error for key, run in runs.items()} == {
        (source, preset): None for source in ("real", "model") for preset in PRESETS
    }
    assert {run.manifest.status for run in runs.values()} == {"done"}


@pytest.mark.parametrize("preset", PRESETS)
def test_phases_are_there_and_add_up(runs, preset):
    summary = runs["real", preset].summary
    phases = [summary[f"{name}_s"] for name in ("pull", "create", "start", "ready")]
    assert min(phases) > 0
    assert math.isclose(sum(phases), summary["total_s"], rel_tol=1e-6)  # differences of clock readings of 1e9 s


@pytest.mark.parametrize("preset", ["lazy", "prefetch"])
def test_a_lazy_run_was_lazy(runs, preset):
    """Every layer is a FUSE mount, and none was fetched as a whole; what has no range is a HEAD."""
    run = runs["real", preset]
    kind = "estargz" if preset == "lazy" else "estargz-landmark"
    layers = read_layout(workload(WORKLOAD).layouts[kind]).blobs.num_rows
    assert run.manifest.counts["lazy_mounts"] == layers
    whole = [row for row in before_ready(run) if row["cause"] not in NO_LAYER and not row["ranges"]]
    assert sum(row["bytes"] for row in whole) == 0
    assert run.summary["fetched_bytes"] < run.summary["image_bytes"]


def test_a_full_pull_fetched_every_layer_once_as_a_whole(runs):
    run = runs["real", "full"]
    digests = read_layout(workload(WORKLOAD).layouts["gzip"]).blobs.column("digest").to_pylist()
    assert asked(run) == Counter({(digest, ()): 1 for digest in digests})
    assert run.manifest.counts["lazy_mounts"] == 0


@pytest.mark.parametrize("preset", PRESETS)
def test_the_model_asks_the_registry_for_the_same(runs, preset):
    assert asked(runs["model", preset]) == asked(runs["real", preset])


@pytest.mark.parametrize("preset", PRESETS)
def test_the_bytes_agree_within_a_hundredth(runs, preset):
    real, model = (sum(row["bytes"] for row in before_ready(runs[source, preset])) for source in ("real", "model"))
    assert model == pytest.approx(real, rel=0.01)


def test_a_full_pull_takes_longer_to_pull_than_a_lazy_one(runs):
    for source in ("real", "model"):
        assert runs[source, "full"].summary["pull_s"] > runs[source, "lazy"].summary["pull_s"]


def test_nothing_is_left(runs):
    assert runs
    assert remains(names(TESTBED)) == []

"""What `measure` does around the real stack: keys, resume, failures that break it, and results shared with `run`."""

import pytest

from sim.core.errors import BadConfig, BadInput, RunFailed
from sim.core.layout import write_layout
from sim.core.store import load_run
from sim.core.trace import write_trace
from sim.experiment import plan as planning
from sim.experiment.executors import Serial
from sim.experiment.runner import run_plan
from sim.testbed import binaries
from sim.testbed.counterpart import real_manifest
from sim.testbed.measure import measure
from tests.experiment.small import make_layout, make_trace
from tests.testbed.fakes import FakeStack

GRID = {"strategy": ["full", "lazy"], "network.rtt": ["0ms", "20ms"]}


def stored(folder):
    return [load_run(run) for run in sorted(folder.iterdir()) if run.is_dir()]


def keys(made):
    return [real_manifest(task).key for task in made.tasks]


def test_every_cell_is_measured_once_on_one_testbed_and_resumed(fake, plan, tmp_path):
    diary = fake()
    grid = plan(matrix=GRID, replicates=2)
    outcome = measure(grid, tmp_path, testbed="t")
    assert (outcome.done, outcome.stored, outcome.failed) == (8, 0, 0)
    assert (diary[0], diary[-1], len(set(diary)), len(diary)) == ("up", "down", 10, 10)
    assert {run.manifest.source for run in stored(outcome.folder)} == {"real"}
    assert (outcome.folder / "runs.parquet").is_file()
    again = measure(grid, tmp_path, testbed="t")
    assert (again.done, again.stored, len(diary)) == (0, 8, 10)


def test_the_order_is_shuffled_by_the_seed(fake, plan, tmp_path):
    diaries = []
    for place, seed in (("one", 1), ("same", 1), ("other", 2)):
        diaries.append(fake())
        measure(plan(matrix=GRID, replicates=3, seed=seed), tmp_path / place, testbed="t")
    one, same, other = diaries
    assert one == same
    assert one != other


@pytest.mark.parametrize(
    ("failure", "text"),
    [
        (RunFailed("the container ended with status 1"), "the container ended with status 1"),
        (
            ConnectionRefusedError(111, "the registry\nis gone"),
            "ConnectionRefusedError: [Errno 111] the registry is gone",
        ),
    ],
)
def test_a_failure_is_no_number_and_the_next_cell_gets_a_fresh_testbed(fake, plan, tmp_path, failure, text):
    def answer(task):
        if (task.cell.strategy.label, task.cell.network.rtt) == ("full", "20ms"):
            raise failure
        return 1.0

    diary = fake(answer)
    grid = plan(matrix=GRID, replicates=2)
    outcome = measure(grid, tmp_path, testbed="t")
    assert (outcome.done, outcome.failed) == (6, 2)
    for place, entry in enumerate(diary):
        if entry[:2] == ("full", "20ms"):
            assert diary[place + 1] == "down"
            assert diary[place + 2 : place + 3] in (["up"], [])
    assert diary.count("up") == diary.count("down")
    assert sum(isinstance(entry, tuple) for entry in diary) == 8
    broken = [run for run in stored(outcome.folder) if run.manifest.status == "failed"]
    assert {(run.manifest.strategy, run.manifest.error) for run in broken} == {("full", text)}
    assert [run.summary for run in broken] == [{}, {}]
    fake()
    assert measure(grid, tmp_path, testbed="t").done == 2


def test_an_interrupt_takes_the_testbed_down_and_keeps_what_was_measured(fake, plan, tmp_path):
    def stop_at_third(_task, asked=[]):  # noqa: B006 - the list is the test's memory
        asked.append(1)
        if len(asked) == 3:
            raise KeyboardInterrupt
        return 1.0

    diary = fake(stop_at_third)
    with pytest.raises(KeyboardInterrupt):
        measure(plan(matrix=GRID), tmp_path, testbed="t")
    assert diary[-1] == "down"
    assert len(stored(tmp_path / "exp")) == 2


def test_an_interrupt_before_the_first_cell_is_no_other_error(fake, plan, tmp_path):
    def stop(_task):
        raise KeyboardInterrupt

    (tmp_path / "exp").mkdir()
    fake(stop)
    with pytest.raises(KeyboardInterrupt):
        measure(plan(), tmp_path, testbed="t")


def test_an_image_that_is_not_the_recorded_one_is_refused_before_anything_is_measured(
    fake, plan, tmp_path, monkeypatch
):
    def refuse(_stack, tasks):
        raise BadInput(f"{next(iter(tasks)).cell.workload}: not the image that the catalogue has recorded")

    diary = fake()
    monkeypatch.setattr(FakeStack, "prepare", refuse)
    with pytest.raises(BadInput, match="tiny: not the image"):
        measure(plan(), tmp_path, testbed="t")
    assert diary == []
    assert not (tmp_path / "exp").exists()


def test_the_key_of_a_real_run_covers_what_changes_a_measurement(plan, catalog, monkeypatch):
    base = keys(plan())
    other = [
        ["workload=toy"],
        ["strategy=full"],
        ["strategy=prefetch"],
        ["strategy=background"],
        ["strategy.region_size=60kB"],
        ["network.rate=99 Mbit/s"],
        ["network.rate=unlimited"],
        ["network.rtt=19ms"],
        ["seed=2"],
        ["replicate=1"],
        ["layout.chunk_size=1 MiB"],
        ["layout.min_chunk_size=16 KiB"],
        ["layout.landmark.share=0.5"],
        ["layout.landmark.order=size", "layout.landmark.share=0.5"],
        ["strategy={like: prefetch, prefetch: {wait_at_most: 1s}}"],
    ]
    found = {tuple(keys(plan(*sets))) for sets in other}
    assert len(found | {tuple(base)}) == 1 + len(other)
    monkeypatch.setattr(binaries, "STARGZ", "v9.9.9")
    assert keys(plan()) != base
    monkeypatch.undo()
    monkeypatch.setenv("LAZYPULL_TRACES", str(catalog))
    write_layout(catalog / "tiny" / "gzip.layout", make_layout("gzip"), {"made": "again"})
    assert keys(plan()) == base  # not the lazy strategy's layout
    write_layout(catalog / "tiny" / "estargz.layout", make_layout("estargz"), {"made": "again"})
    assert keys(plan()) != base


def test_the_key_of_a_real_run_knows_nothing_of_the_model(plan, catalog, tmp_path, monkeypatch):
    base = keys(plan())
    host = tmp_path / "mine.json"
    reference = planning.host_file("reference", tmp_path).read_text()
    host.write_text(reference + "\n")
    same = ["name=other", "claim=other", "what_ifs=true", "host=mine.json", "strategy={like: lazy}"]
    same += [
        "network.bucket=1MB",
        "network.wire_overhead=1.1",
        "network.registry.service=9ms",
        "network.rate=12.5 MB/s",
    ]
    assert {tuple(keys(plan(change))) for change in same} == {tuple(base)}
    assert plan("host=mine.json").tasks[0].manifest.key != plan().tasks[0].manifest.key
    write_trace(catalog / "tiny" / "cold-5ms.trace", make_trace("throttled", recorded_at="2026-02-02T00:00:00Z"))
    monkeypatch.setattr(planning, "model_version", lambda: "another")
    assert keys(plan()) == base


@pytest.mark.parametrize("wait", ["0s", "1500ms"])
def test_the_snapshotter_waits_whole_seconds(plan, wait):
    with pytest.raises(BadConfig, match="whole seconds"):
        keys(plan(f"strategy={{like: prefetch, prefetch: {{wait_at_most: {wait}}}}}"))


def test_a_full_pull_does_not_care_how_the_image_would_be_written(plan):
    assert keys(plan("strategy=full", "layout.chunk_size=1 MiB")) == keys(plan("strategy=full"))


def test_cells_that_differ_in_the_model_alone_are_measured_once(fake, plan, tmp_path):
    diary = fake()
    measure(plan(matrix={"network.registry.service": ["1ms", "2ms"]}), tmp_path, testbed="t")
    assert diary == ["up", ("lazy", "20ms", 0), "down"]


@pytest.mark.parametrize(
    ("sets", "reason"),
    [
        (["strategy=clairvoyant"], "strategy clairvoyant cannot be built"),
        (["nodes=2"], "the testbed has one node and the image as recorded"),
        (["image.total=5MB"], "the testbed has one node and the image as recorded"),
        (["network.registry.token=true"], "the testbed's registry is plain HTTP without limits or outages"),
        (["network.outages=[{start: 1s, duration: 1s}]"], "the testbed's registry is plain HTTP without limits"),
    ],
)
def test_what_the_real_stack_cannot_do_is_left_out_and_said(fake, plan, tmp_path, sets, reason):
    diary, said = fake(), []
    outcome = measure(plan(*sets), tmp_path, testbed="t", say=said.append)
    assert (outcome.impossible, outcome.done, diary) == (1, 0, [])
    assert said[0].startswith(f"left out: {reason}")


def test_a_setting_the_real_stack_does_not_have_is_refused_before_anything_is_measured(fake, plan, tmp_path):
    diary = fake()
    with pytest.raises(BadConfig, match="the testbed measures it as the snapshotter has it"):
        measure(
            plan(matrix={"strategy": ["full", {"like": "background", "background": {"quiet": "1s"}}]}),
            tmp_path,
            testbed="t",
        )
    assert diary == []


def test_measured_and_simulated_runs_share_a_folder_and_another_model_removes_no_measured_one(
    fake, plan, tmp_path, monkeypatch
):
    fake()
    folder = measure(plan(), tmp_path, testbed="t").folder
    run_plan(plan(), tmp_path, Serial())
    measured = next(run.path for run in stored(folder) if run.manifest.source == "real")
    monkeypatch.setattr(planning, "model_version", lambda: "another")
    newer = plan()
    run_plan(newer, tmp_path, Serial())
    assert sorted(run.manifest.source for run in stored(folder)) == ["model", "real"]
    assert load_run(measured).summary["total_s"] == 1.0
    assert next(run for run in stored(folder) if run.manifest.source == "model").manifest.model_version == "another"
    assert measure(newer, tmp_path, testbed="t").stored == 1

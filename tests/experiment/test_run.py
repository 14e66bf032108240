"""Plans and runs: keys, resume, failures, equal bytes, equal results under every executor."""

import pytest

from sim.core.errors import BadBundle, BadInput, ContentMismatch
from sim.core.layout import write_layout
from sim.core.manifest import SUMMARY_KEYS
from sim.core.store import load_run, runs_table
from sim.core.trace import write_trace
from sim.experiment import batch
from sim.experiment.executors import Processes, Serial
from sim.experiment.load import load_experiment
from sim.experiment.plan import make_plan
from sim.experiment.runner import run_plan
from sim.experiment.single import run
from tests.experiment.small import make_layout, make_trace

PRESETS = ["full", "lazy", "prefetch", "background", "clairvoyant"]
COMPARED = ("summary.json", "spans.parquet", "requests.parquet", "steps.parquet")


def plan_of(path, *sets):
    return make_plan(load_experiment(path, sets))


def key_of(path, *sets):
    (task,) = plan_of(path, *sets).tasks
    return task.manifest.key


def files(folder):
    return {
        f"{run.name}/{name}": (run / name).read_bytes()
        for run in sorted(folder.iterdir())
        if run.is_dir()
        for name in COMPARED
    }


def test_two_runs_give_the_same_bytes_whatever_the_executor(config, tmp_path):
    plan = plan_of(config(what_ifs=True, matrix={"workload": ["tiny", "toy"], "strategy": PRESETS}))
    outcome = run_plan(plan, tmp_path / "one", Serial())
    assert (outcome.done, outcome.skipped, outcome.failed) == (10, 0, ())
    run_plan(plan, tmp_path / "two", Processes(2))
    one, two = files(tmp_path / "one" / "exp"), files(tmp_path / "two" / "exp")
    assert len(one) == 10 * len(COMPARED)
    assert one == two


def test_every_run_accounts_for_its_time_and_knows_its_bound(config, tmp_path):
    path = config(what_ifs=True, matrix={"strategy": PRESETS, "network.rtt": ["0.5ms", "100ms"]})
    outcome = run_plan(plan_of(path), tmp_path, Serial())
    rows = runs_table(run for run in sorted(outcome.folder.iterdir()) if run.is_dir()).to_pylist()
    assert len(rows) == 10
    for row in rows:
        phases = row["pull_s"] + row["create_s"] + row["start_s"] + row["ready_s"]
        assert phases == pytest.approx(row["total_s"], rel=1e-12)
        shares = sum(value for name, value in row.items() if name.startswith("share_"))
        assert shares == pytest.approx(row["total_s"], rel=1e-9)
        assert row["what_if_no_round_trip_total_s"] <= row["total_s"]
        if row["strategy"] == "clairvoyant":
            assert row["clairvoyant_total_s"] == row["total_s"]
    for name in ("network.rtt_s", "network.rate_bytes_s", *SUMMARY_KEYS):
        assert name in rows[0]


def test_what_is_stored_is_not_run_again(config, tmp_path):
    path = config(matrix={"strategy": PRESETS})
    first = run_plan(plan_of(path, "matrix.strategy=[lazy, full]"), tmp_path, Serial())
    times = {run: run.stat().st_mtime_ns for run in first.folder.iterdir() if run.is_dir()}
    heard = []
    second = run_plan(plan_of(path), tmp_path, Serial(), heard.append)
    assert (second.done, second.skipped) == (3, 2)
    assert sum(heard) == 5
    assert {run: run.stat().st_mtime_ns for run in times} == times


def test_a_damaged_result_is_run_again(config, tmp_path):
    plan = plan_of(config())
    folder = run_plan(plan, tmp_path, Serial()).folder
    (stored,) = (run for run in folder.iterdir() if run.is_dir())
    (stored / "manifest.json").write_text("{")
    assert run_plan(plan, tmp_path, Serial()).done == 1
    assert load_run(stored).manifest.status == "done"


def test_a_run_made_with_other_inputs_is_replaced_and_others_are_left_alone(config, catalog, tmp_path):
    run_plan(plan_of(config(), "network.rtt=7ms"), tmp_path, Serial())
    run_plan(plan_of(config()), tmp_path, Serial())
    write_trace(catalog / "tiny" / "cold-5ms.trace", make_trace("throttled", recorded_at="2026-02-02T00:00:00Z"))
    outcome = run_plan(plan_of(config(claim="said differently")), tmp_path, Serial())
    stored = {run.name: load_run(run).manifest for run in outcome.folder.iterdir() if run.is_dir()}
    assert sorted(manifest.config["network"]["rtt"] for manifest in stored.values()) == ["20ms", "7ms"]
    assert outcome.keys[0] in {manifest.key for manifest in stored.values()}


def test_the_key_covers_what_changes_numbers_and_nothing_else(config, catalog):
    path = config()
    base = key_of(path)
    same = ["name=other", "claim=other", "network.rate=12.5 MB/s", "network.rtt=0.02", "strategy={like: lazy}"]
    assert {key_of(path, change) for change in same} == {base}
    other = [
        "workload=toy",
        "strategy=full",
        "strategy.region_size=60kB",
        "network.rate=99 Mbit/s",
        "network.registry.token=true",
        "image.total=5MB",
        "nodes=2",
        "seed=2",
        "what_ifs=true",
        "replicate=1",
    ]
    keys = {key_of(path, change) for change in other}
    assert len(keys | {base}) == 1 + len(other)
    write_trace(catalog / "tiny" / "cold-5ms.trace", make_trace("throttled", recorded_at="2026-02-02T00:00:00Z"))
    assert key_of(path) not in keys | {base}


def test_equal_cells_of_several_grids_are_one_run(config):
    grids = [{"network.rtt": ["1ms", "20ms"]}, {"network.rate": ["100 Mbit/s", "1 Gbit/s"]}]
    assert len(plan_of(config(matrix=grids)).tasks) == 3


def test_one_failing_run_is_marked_and_the_others_go_on(config, tmp_path, monkeypatch):
    whole = batch.simulate

    def fails_for_full(case):
        if case.strategy.name == "full":
            raise ZeroDivisionError("by\nzero")
        return whole(case)

    monkeypatch.setattr(batch, "simulate", fails_for_full)
    plan = plan_of(config(matrix={"strategy": ["full", "lazy"]}))
    outcome = run_plan(plan, tmp_path, Serial())
    assert outcome.done == 1
    assert [run.error for run in outcome.failed] == ["ZeroDivisionError: by zero"]
    stored = [load_run(run) for run in outcome.folder.iterdir() if run.is_dir()]
    assert sorted((run.manifest.strategy, run.manifest.status) for run in stored) == [
        ("full", "failed"),
        ("lazy", "done"),
    ]
    monkeypatch.setattr(batch, "simulate", whole)
    assert run_plan(plan, tmp_path, Serial()).done == 1


def test_an_interrupt_keeps_what_finished_and_resumes(config, tmp_path):
    plan = plan_of(config(matrix={"network.rtt": ["1ms", "2ms", "3ms", "4ms"]}))

    def stop_at_two(count, heard=[]):  # noqa: B006 - the list is the test's memory
        heard.append(count)
        if sum(heard) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_plan(plan, tmp_path, Serial(), stop_at_two)
    folder = tmp_path / "exp"
    kept = [run.name for run in folder.iterdir() if run.is_dir()]
    assert len(kept) == 2
    assert not any(name.startswith(".") for name in kept)
    assert (folder / "runs.parquet").is_file()
    outcome = run_plan(plan, tmp_path, Serial())
    assert (outcome.skipped, outcome.done) == (2, 2)


def test_replicates_draw_other_hosts_paired_over_strategies(config):
    tasks = plan_of(config(replicates=3, matrix={"strategy": ["full", "lazy"]})).tasks
    hosts = {(task.manifest.strategy, task.cell.replicate): task.host for task in tasks}
    assert len({hosts["lazy", replicate] for replicate in range(3)}) == 3
    assert all(hosts["lazy", replicate] == hosts["full", replicate] for replicate in range(3))


def test_padded_images_run_under_every_preset(config, tmp_path):
    path = config(image={"total": "5MB", "layers": 6, "read_share": 0.2}, matrix={"strategy": PRESETS})
    outcome = run_plan(plan_of(path), tmp_path, Serial())
    runs = [load_run(run) for run in outcome.folder.iterdir() if run.is_dir()]
    assert {run.manifest.status for run in runs} == {"done"}
    assert all(run.manifest.synthetic for run in runs)
    by_name = {run.manifest.strategy: run.summary for run in runs}
    assert by_name["full"]["image_bytes"] == 5_000_000
    assert by_name["full"]["read_bytes"] == by_name["lazy"]["read_bytes"]
    assert by_name["lazy"]["fetched_bytes"] < by_name["full"]["fetched_bytes"]


def test_a_single_run_from_python_is_what_the_runner_stores(config, tmp_path):
    path = config()
    result = run(path)
    (stored,) = (run for run in run_plan(plan_of(path), tmp_path, Serial()).folder.iterdir() if run.is_dir())
    assert result.summary == load_run(stored).summary
    assert result.requests.equals(load_run(stored).requests)
    assert run({"workload": "tiny", "strategy": "lazy", "what_ifs": False}).summary == result.summary


def test_a_single_run_of_several_is_refused(config):
    with pytest.raises(BadInput, match="asks for 2 runs; use `lazypull run`, or leave out matrix and replicates"):
        run(config(replicates=2))


def test_trace_of_other_content_is_refused_before_anything_runs(config, catalog):
    write_trace(catalog / "tiny" / "cold-5ms.trace", make_trace("throttled", content_id="sha256:" + "ab" * 32))
    with pytest.raises(ContentMismatch, match=r"cold-5ms.trace was recorded on content abababababab… but .*estargz"):
        plan_of(config())


def test_layout_of_other_content_is_refused_before_anything_runs(config, catalog):
    write_layout(catalog / "tiny" / "gzip.layout", make_layout("gzip", content_id="sha256:" + "cd" * 32), {})
    with pytest.raises(
        ContentMismatch, match=r"gzip.layout has cdcdcdcdcdcd…: they are not the same files; run `lazyp"
    ):
        plan_of(config(strategy="full"))


def test_a_lossy_trace_is_refused(config, catalog):
    write_trace(catalog / "tiny" / "cold-5ms.trace", make_trace("throttled", events_lost=4))
    with pytest.raises(BadBundle, match="4 events were lost in recording; record it again"):
        plan_of(config())

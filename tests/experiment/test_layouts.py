"""Cells that ask for another layout: what they run on, what their keys hold, what is refused."""

import shutil

import pytest

from sim.catalog import workload
from sim.core.blocks import write_blocks
from sim.core.errors import BadBundle, ContentMismatch
from sim.core.store import runs_table
from sim.experiment.config import LandmarkConfig
from sim.experiment.estimated import arranged
from sim.experiment.executors import Serial
from sim.experiment.load import load_experiment
from sim.experiment.plan import make_plan
from sim.experiment.runner import run_plan
from sim.experiment.single import run
from sim.plan.priorities import accessed_files
from tests.experiment.small import READ_FILES, SIZES, make_blocks, make_trace, make_tree, paths


def key_of(path, *sets):
    (task,) = make_plan(load_experiment(path, sets)).tasks
    return task.manifest.key


def result(catalog, **changes):
    return run({"workload": "tiny", "strategy": "prefetch", "what_ifs": False} | changes)


def test_the_share_says_how_many_files_are_prefetched(catalog):
    fine = {"like": "prefetch", "region_size": "100B"}  # what is fetched is not rounded up to large regions
    half = result(catalog, strategy=fine, layout={"landmark": {"share": 0.5}})
    # five of the ten files that are read, deflated to a half, with less than 200 bytes of headers each; and the head
    assert half.summary["prefetched_bytes"] == pytest.approx(sum(SIZES[: READ_FILES // 2]) / 2, abs=6 * 200)
    whole = result(catalog, strategy=fine, layout={"landmark": {}})
    assert whole.summary["prefetched_bytes"] > 2 * half.summary["prefetched_bytes"]
    assert not result(catalog, layout={"landmark": {"share": 0}}).summary["prefetched_bytes"]


def test_without_a_landmark_asked_for_the_preset_decides(catalog):
    asked = {"chunk_size": "1 MiB"}
    assert result(catalog, layout=asked).summary["prefetched_bytes"] > 0
    assert not result(catalog, layout=asked, strategy="lazy").summary["prefetched_bytes"]


def test_members_that_hold_more_files_are_fewer_and_larger(catalog):
    apart = result(catalog, strategy="lazy", layout={"min_chunk_size": 0})
    together = result(catalog, strategy="lazy", layout={"min_chunk_size": "100kB"})
    assert together.summary["needed_bytes"] > apart.summary["needed_bytes"]


def test_a_full_pull_has_no_layout_to_choose(catalog):
    plain, asked = (result(catalog, strategy="full", layout=layout) for layout in ({}, {"chunk_size": "64 KiB"}))
    assert asked.summary["total_s"] == plain.summary["total_s"]


def test_the_key_holds_what_was_asked_for_as_numbers(config):
    path = config(strategy="prefetch")
    assert key_of(path, "layout.chunk_size=1 MiB") == key_of(path, "layout.chunk_size=1048576")
    asked = [
        (),
        ("layout.chunk_size=1 MiB",),
        ("layout.chunk_size=2 MiB",),
        ("layout.min_chunk_size=10kB",),
        ("layout.landmark.share=0.5",),
        ("layout.landmark.share=0.5", "layout.landmark.order=size"),
        ("layout.landmark.share=0.5", "layout.landmark.trace=local"),
    ]
    assert len({key_of(path, *sets) for sets in asked}) == len(asked)


def test_other_blocks_give_another_key(config, catalog):
    path = config()
    plain, before = key_of(path), key_of(path, "layout.chunk_size=1 MiB")
    write_blocks(workload("tiny").blocks, make_blocks(), {"measured": "again"})
    assert key_of(path, "layout.chunk_size=1 MiB") != before
    assert key_of(path) == plain


def test_tables_have_a_column_for_each_setting_that_varies(config, tmp_path):
    path = config(matrix={"layout.chunk_size": ["64 KiB", "4 MiB"], "layout.landmark.share": [0.5, 1.0]})
    outcome = run_plan(make_plan(load_experiment(path)), tmp_path / "out", Serial())
    rows = runs_table(run for run in sorted(outcome.folder.iterdir()) if run.is_dir()).to_pylist()
    found = {(row["layout.chunk_size"], row["layout.landmark.share"]) for row in rows}
    assert found == {(chunk, share) for chunk in ("64 KiB", "4 MiB") for share in (0.5, 1.0)}
    assert not outcome.failed


@pytest.mark.parametrize("order", ["access", "size", "path"])
def test_chosen_are_those_read_first_however_they_are_arranged(order):
    trace, tree = make_trace("throttled"), make_tree()
    accessed = list(reversed(accessed_files(trace, tree)))
    chosen = arranged(accessed, LandmarkConfig(share=0.3, order=order), tree)
    last = [(1, path) for path in paths()[READ_FILES - 3 : READ_FILES]]  # sizes and paths grow alike
    assert chosen == (list(reversed(last)) if order == "access" else last)


def test_a_workload_without_blocks_says_how_to_measure_them(config, catalog):
    shutil.rmtree(workload("tiny").blocks)
    assert key_of(config())
    with pytest.raises(BadBundle, match="lazypull catalog build tiny --stage blocks"):
        key_of(config(), "layout.chunk_size=1 MiB")


def test_blocks_of_other_files_are_refused(config, catalog):
    write_blocks(workload("tiny").blocks, make_blocks("sha256:other"), {})
    with pytest.raises(ContentMismatch, match="lazypull catalog build tiny --stage blocks"):
        key_of(config(), "layout.chunk_size=1 MiB")

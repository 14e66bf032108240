"""The result store: complete or absent, deterministic, never stale."""

import json

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sim.core.errors import BadBundle, BadInput
from sim.core.manifest import SUMMARY_KEYS, Manifest
from sim.core.result import REQUESTS_SCHEMA, SHARE_KINDS, SPANS_SCHEMA, STEPS_SCHEMA, RunTables
from sim.core.store import is_complete, load_results, load_run, rebuild_runs, write_run


def manifest(key="0" * 64, **changes):
    fields = {
        "experiment": "startup",
        "key": key,
        "key_parts": {"replicate": 0},
        "config": {"network": {"rate": "100 Mbit/s", "rtt": "20ms"}, "host": "reference"},
        "workload": "web",
        "strategy": "lazy",
        "replicate": 0,
        "status": "done",
    }
    return Manifest(**(fields | changes))


def tables(**summary):
    return RunTables(
        summary={"total_s": 2.5, "requests": 7, **summary},
        shares=dict.fromkeys(SHARE_KINDS, 0.25),
        spans=SPANS_SCHEMA.empty_table(),
        requests=REQUESTS_SCHEMA.empty_table(),
        steps=pa.Table.from_pylist([{"node": 0, "name": "ready", "at_s": 2.5}], STEPS_SCHEMA),
        counts={"events": 3},
    )


def test_what_is_written_is_read_back(tmp_path):
    folder = write_run(tmp_path / "startup", manifest(), tables())
    run = load_run(folder)
    assert folder.name == "0" * 12
    assert run.manifest == manifest()
    assert run.summary["total_s"] == 2.5
    assert run.summary["requests"] == 7
    assert run.summary["share_rate_s"] == 0.25
    assert run.steps.to_pylist() == [{"node": 0, "name": "ready", "at_s": 2.5}]
    assert run.spans.schema == SPANS_SCHEMA
    assert run.requests.num_rows == 0


def test_summary_has_every_key_and_null_for_what_was_not_measured(tmp_path):
    folder = write_run(tmp_path, manifest(), tables())
    stored = json.loads((folder / "summary.json").read_text())
    assert sorted(stored) == sorted(SUMMARY_KEYS)
    assert stored["peer_bytes"] is None
    assert stored["what_if_no_round_trip_total_s"] is None


@pytest.mark.parametrize("summary", [{"totl_s": 1.0}, {"pull_s": float("nan")}, {"pull_s": float("inf")}])
def test_a_summary_outside_the_schema_leaves_nothing_behind(tmp_path, summary):
    with pytest.raises(ValueError, match="summary"):
        write_run(tmp_path, manifest(), tables(**summary))
    assert list(tmp_path.iterdir()) == []


def test_same_values_give_the_same_bytes(tmp_path):
    first, second = (write_run(tmp_path / name, manifest(), tables()) for name in "ab")
    for name in ("summary.json", "manifest.json", "spans.parquet", "requests.parquet", "steps.parquet"):
        assert (first / name).read_bytes() == (second / name).read_bytes()


def test_only_a_done_run_of_the_very_key_is_complete(tmp_path):
    key, same_folder, failed = "a" * 64, "a" * 63 + "b", "f" * 64
    write_run(tmp_path, manifest(key), tables())
    write_run(tmp_path, manifest(failed, status="failed", error="it broke"), None)
    assert is_complete(tmp_path, key)
    assert not is_complete(tmp_path, same_folder)
    assert not is_complete(tmp_path, failed)
    assert not is_complete(tmp_path, "c" * 64)


def test_a_failed_run_is_replaced_by_a_done_one(tmp_path):
    write_run(tmp_path, manifest(status="failed", error="it broke"), None)
    assert load_run(tmp_path / ("0" * 12)).summary == {}
    write_run(tmp_path, manifest(), tables())
    assert is_complete(tmp_path, "0" * 64)


def test_runs_has_one_row_a_run_with_what_varies_and_numeric_companions(tmp_path):
    for digit, rate in (("1", "100 Mbit/s"), ("2", "12.5 MB/s"), ("3", "unlimited")):
        config = {"network": {"rate": rate, "rtt": "20ms"}, "host": "reference"}
        write_run(tmp_path / "startup", manifest(digit * 64, config=config), tables())
    write_run(tmp_path / "startup", manifest("4" * 64, status="failed", error="it broke"), None)
    frame = load_results(tmp_path / "startup").set_index("run")
    assert len(frame) == 4
    assert "network.rate" in frame
    assert "host" not in frame
    assert frame.loc["1" * 12, "network.rate_bytes_s"] == frame.loc["2" * 12, "network.rate_bytes_s"] == 12.5e6
    assert frame.loc["3" * 12, "network.rate_bytes_s"] == float("inf")
    assert (frame["network.rtt_s"] == 0.02).all()
    assert frame["status"].value_counts().to_dict() == {"done": 3, "failed": 1}
    assert frame["total_s"].isna().sum() == 1
    assert set(SUMMARY_KEYS) <= set(frame.columns)


def test_a_matrix_of_one_value_still_has_its_column(tmp_path):
    write_run(tmp_path, manifest(varied=("host",)), tables())
    assert load_results(tmp_path)["host"].tolist() == ["reference"]


def test_results_load_from_all_three_levels_and_from_the_rebuilt_table(tmp_path):
    run = write_run(tmp_path / "results" / "startup", manifest(), tables())
    write_run(tmp_path / "results" / "other", manifest("9" * 64, experiment="other"), tables())
    table = rebuild_runs(tmp_path / "results" / "startup")
    assert load_results(run)["run"].tolist() == ["0" * 12]
    assert load_results(tmp_path / "results" / "startup")["run"].tolist() == ["0" * 12]
    assert sorted(load_results(tmp_path / "results")["experiment"]) == ["other", "startup"]
    assert pq.ParquetFile(table).read().num_rows == 1


def test_a_half_written_folder_is_not_a_run(tmp_path):
    write_run(tmp_path, manifest(), tables())
    (tmp_path / ".111111111111.tmp").mkdir()
    (tmp_path / ".111111111111.tmp" / "manifest.json").write_text("{}")
    assert len(load_results(tmp_path)) == 1


def test_an_empty_folder_says_what_to_pass(tmp_path):
    with pytest.raises(BadInput, match="no results here"):
        load_results(tmp_path)


def test_a_newer_schema_is_refused(tmp_path):
    folder = write_run(tmp_path, manifest(), tables())
    newer = msgspec.to_builtins(manifest()) | {"schema_version": 99, "key_parts": "changed shape"}
    (folder / "manifest.json").write_bytes(msgspec.json.encode(newer))
    with pytest.raises(BadBundle, match="result schema 99, this lazypull reads up to 1; update lazypull"):
        load_run(folder)


@pytest.mark.parametrize("name", ["manifest.json", "summary.json", "spans.parquet"])
def test_a_damaged_file_is_one_line_that_names_it(tmp_path, name):
    folder = write_run(tmp_path, manifest(), tables())
    (folder / name).write_bytes(b"{")
    with pytest.raises(BadBundle, match=name) as caught:
        _ = load_run(folder).spans
    assert "\n" not in str(caught.value)

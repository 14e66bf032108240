"""`lazypull trace` as a user types it."""

import json

import pyarrow as pa
import pytest
from click.testing import CliRunner

from sim.cli.trace import trace
from sim.core.errors import BadBundle, BadInput, RunFailed
from sim.core.trace import read_trace, write_trace
from sim.core.tree import FILES_SCHEMA, Tree, write_tree
from tests.trace.made import made_trace, operation


def lazypull(*words):
    return CliRunner().invoke(trace, [str(word) for word in words])


@pytest.fixture
def made(tmp_path):
    write_trace(tmp_path / "made.trace", made_trace([operation("read", 1, 6, length=4096)], 7))
    return tmp_path / "made.trace"


def test_show_gives_text_or_one_json_document(made):
    assert "4096 bytes of 1 files" in lazypull("show", made).stdout
    assert json.loads(lazypull("show", made, "--json").stdout)["read_bytes"] == 4096


def test_check_refuses_what_is_missing_or_lossy(made, tmp_path):
    assert lazypull("check", made).exit_code == 0
    assert isinstance(lazypull("check", tmp_path / "none").exception, BadBundle)
    write_trace(tmp_path / "lossy", made_trace([operation("read", 1, 6)], 7, header={"events_lost": 1}))
    assert isinstance(lazypull("check", tmp_path / "lossy").exception, BadBundle)


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--workload", "x", "--lower", "."),
        ("--lower", ".", "--env", "novalue", "true"),
        ("--lower", ".", "--readiness", "soon", "true"),
        ("--lower", "/nowhere", "true"),
        ("--lower", "."),
    ],
)
def test_wrong_use_leaves_no_trace(words, tmp_path, monkeypatch):
    monkeypatch.setattr("sim.record.recording._check_machine", lambda: None)
    result = lazypull("record", "--out", tmp_path / "t", *words)
    assert isinstance(result.exception, BadInput)
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_time_is_wrong_use(tmp_path):
    result = lazypull("record", "--out", tmp_path / "t", "--read-delay", "5 parsecs", "--lower", ".", "true")
    assert result.exit_code == 2
    assert "parsecs" in result.stderr


@pytest.mark.root
def test_record_then_check_and_show(lowers, tmp_path):
    layers = [word for lower in lowers for word in ("--lower", lower)]
    options = ["--keep-cache", "--read-delay", "1ms", "--out", tmp_path / "t"]
    result = lazypull("record", *layers, *options, "--", "cat", "/data/f00")
    assert result.exit_code == 0, result.output
    assert lazypull("check", tmp_path / "t").exit_code == 0
    shown = json.loads(lazypull("show", tmp_path / "t", "--json").stdout)
    assert shown["read_delay_s"] == 0.001
    assert shown["command"] == ["cat", "/data/f00"]


@pytest.mark.root
def test_a_failed_recording_leaves_no_trace(lowers, tmp_path):
    layers = [word for lower in lowers for word in ("--lower", lower)]
    result = lazypull("record", *layers, "--keep-cache", "--out", tmp_path / "t", "--", "cat", "/none")
    assert isinstance(result.exception, RunFailed)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.root
def test_perturb_prints_predicted_real_and_error(lowers):
    layers = [word for lower in lowers for word in ("--lower", lower)]
    words = ["--recorded", "1ms", "--predict", "3ms", "--runs", "1", "--json", "--", "cat", "/data/f00"]
    [row] = json.loads(lazypull("perturb", *layers, "--keep-cache", *words).stdout)
    assert row["error"] == pytest.approx(row["predicted_s"] / row["real_median_s"] - 1)


def test_import_takes_layers_from_the_tree_as_the_overlay_shows_them(tmp_path):
    rows = [
        {"layer": 0, "path": "a", "kind": "reg", "size": 10, "mode": 0o644, "link": None, "digest": bytes(32)},
        {"layer": 0, "path": "b", "kind": "reg", "size": 10, "mode": 0o644, "link": None, "digest": bytes(32)},
        {"layer": 1, "path": "b", "kind": "reg", "size": 20, "mode": 0o644, "link": None, "digest": bytes(32)},
        {"layer": 1, "path": "a", "kind": "whiteout", "size": 0, "mode": 0, "link": None, "digest": None},
    ]
    tree = Tree(pa.Table.from_pylist(rows, FILES_SCHEMA))
    write_tree(tmp_path / "tree", tree, {})
    words = ("--tree", tmp_path / "tree", "--out", tmp_path / "t")
    (tmp_path / "list.csv").write_text("path\n/b\n")
    assert lazypull("import", tmp_path / "list.csv", *words).exit_code == 0
    made = read_trace(tmp_path / "t")
    assert made.header.content_id == tree.content_id
    assert made.operations.column("layer").to_pylist() == [1]
    (tmp_path / "list.csv").write_text("path\n/a\n")
    assert isinstance(lazypull("import", tmp_path / "list.csv", *words).exception, BadInput)

"""What is committed: small sorted tables that come back as they were, and a document made of them alone."""

import json
import math
import re
import shutil
from pathlib import Path

import pytest

from sim.core.errors import BadBundle, BadInput
from sim.validation.cell import Cell
from sim.validation.committed import read_faults, read_tables
from sim.validation.compare import compare
from sim.validation.comparison import CellRow
from sim.validation.document import document
from sim.validation.publish import publish, publish_drift, write_document
from sim.validation.registration import breaches
from sim.validation.runs import RunRow
from sim.validation.tables import from_csv, to_csv
from tests.validation.fake import write

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def docs(results, tmp_path_factory):
    folder = tmp_path_factory.mktemp("docs")
    publish(results, folder)
    return folder


@pytest.fixture
def text(docs):
    return (docs / "validation.md").read_text("utf-8")


def section(text, title):
    return text.split(f"\n## {title}\n")[1].split("\n## ")[0]


def test_rows_come_back_from_csv_with_six_digits_and_with_what_is_missing(tmp_path):
    row = CellRow(
        workload="a, b",
        strategy="lazy",
        rate_mbit_s=math.inf,
        rtt_ms=20,
        quantity="total",
        status="failed",
        measured_runs=3,
        failed_runs=0,
        simulated_runs=1,
        measured_s=1.23456789,
        note='said "no"',
    )
    file = tmp_path / "cells.csv"
    file.write_text(to_csv([row], CellRow))
    (back,) = from_csv(file, CellRow)
    assert (back.measured_s, back.simulated_s, back.note, back.workload) == (1.23457, None, 'said "no"', "a, b")
    assert back.cell == Cell(workload="a, b", strategy="lazy", rate_mbit_s=math.inf, rtt_ms=20)


def test_a_damaged_table_is_refused_in_one_line(tmp_path):
    (tmp_path / "cells.csv").write_text("workload,measured_runs\nweb,many\n")
    for name in ("cells.csv", "missing.csv"):
        with pytest.raises(BadBundle) as refused:
            from_csv(tmp_path / name, CellRow)
        assert "\n" not in str(refused.value)


def test_tables_name_every_run_and_cell_and_no_path(docs):
    lines = {file.name: file.read_text("utf-8").splitlines() for file in (docs / "validation").iterdir()}
    assert len(lines["runs.csv"]) == 1 + 9 * 3 + 9
    assert len(lines["cells.csv"]) == 1 + 9 * 5
    assert len(lines["requests.csv"]) == 1 + 9
    assert len(lines["ranking.csv"]) == 1 + 2 * 6
    assert not any("/tmp" in line for every in lines.values() for line in every)


def test_publishing_again_changes_nothing(results, docs):
    before = {file: file.read_bytes() for file in docs.rglob("*") if file.is_file()}
    publish(results, docs)
    assert {file: file.read_bytes() for file in docs.rglob("*") if file.is_file()} == before


def test_the_document_shows_every_cell_and_what_was_missed(text):
    rows = [line for line in section(text, "Every cell").splitlines() if line.startswith(("| web", "| tensor"))]
    assert len(rows) == 9
    full = next(line for line in rows if line.startswith("| web | 100 Mbit/s, 20 ms | full |"))
    assert full.startswith("| web | 100 Mbit/s, 20 ms | full | 4.000 | 3.960–4.040 | 1.0 % | 3 | 4.120 |")
    assert "| +3.0 % |" in full
    missed = section(text, "Unresolved and failed")
    assert "web · background · 100 Mbit/s, 20 ms: unresolved, CV 20.0 %" in missed
    assert "web · lazy · 100 Mbit/s, 80 ms: failed, …: container ended with status 1" in missed
    assert "SYNTHETIC" in text


def test_measured_and_simulated_never_share_a_column(text):
    headers = re.findall(r"^\| workload \|.*", text, re.MULTILINE)
    assert headers
    assert not any("measured" in cell and "simulated" in cell for header in headers for cell in header.split("|"))


def test_the_document_says_what_holds(text):
    found = section(text, "What was found")
    assert "| total time, median error | at most 4 % | 3.0 % | yes |" in found
    assert (
        "| total time, 95th percentile of the error | at most 12 % | missed; 3.0 % over the resolved cells |" in found
    )
    assert "| cells | at least 60 | 9, of which 2 missed | no |" in found
    assert "model.md#what-is-left-out-and-its-effect" in text


def test_what_is_written_about_faults_is_taken_over(docs, tmp_path):
    shutil.copytree(docs, tmp_path / "docs")
    (tmp_path / "docs/validation/faults.md").write_text("The registry was killed; the pull ended with an error.\n")
    text = write_document(tmp_path / "docs").read_text("utf-8")
    assert "The registry was killed" in section(text, "When something breaks")


def test_without_a_registration_nothing_is_published(tmp_path):
    write(tmp_path / "r", "web", "lazy", "real", [1.0])
    write(tmp_path / "r", "web", "lazy", "model", [1.0])
    with pytest.raises(BadInput, match="registered"):
        publish(tmp_path / "r", tmp_path / "docs")
    assert not (tmp_path / "docs").exists()


def measured(at, workload="web"):
    cell = {"workload": workload, "strategy": "lazy", "rate_mbit_s": 100, "rtt_ms": 20}
    return RunRow(**cell, source="real", replicate=0, status="done", synthetic=True, measured_at=at)


def test_what_breaks_the_registration_is_said():
    noon, planned = "2026-11-24T12:00:00+00:00", ["web · lazy · 100 Mbit/s, 20 ms"]
    registration = {"host_digest": "a", "model_version": "7", "registered_at": noon, "planned": planned}
    facts, after = {"host constants": "a", "model version": "7"}, measured("2026-11-24T12:00:01+00:00")
    assert breaches(registration, facts, [after]) == []
    assert (
        "host constants a, b, registered was a"
        in breaches(registration, {**facts, "host constants": "a, b"}, [after])[0]
    )
    assert "model version 8" in breaches(registration, {**facts, "model version": "8"}, [after])[0]
    assert "1 of 2 runs were measured before" in breaches(registration, facts, [after, measured("2026-11-24T11")])[0]
    assert "1 registered cells were not measured: web" in breaches(registration, facts, [])[0]
    assert "not registered: numpy" in breaches(registration, facts, [after, measured(noon, "numpy")])[0]
    assert breaches({}, {}, []) != []


def test_a_registered_cell_that_was_not_measured_is_missed(tmp_path):
    write(tmp_path, "web", "lazy", "real", [1.0] * 3)
    for strategy in ("full", "lazy", "clairvoyant"):
        write(tmp_path, "web", strategy, "model", [1.0])
    planned = [f"web · {strategy} · 100 Mbit/s, 20 ms" for strategy in ("full", "lazy")]
    (tmp_path / "registration.json").write_text(json.dumps({"planned": planned}))
    found = {row.strategy: (row.status, row.note) for row in compare(tmp_path).of("total")}
    assert found == {"full": ("failed", "not measured"), "lazy": ("resolved", None)}


def test_earlier_registrations_are_committed_and_named(results, tmp_path):
    shutil.copytree(results, tmp_path / "r")
    (tmp_path / "r/registration-1.json").write_text(json.dumps({"registered_at": "2026-11-20", "model_version": "6"}))
    publish(tmp_path / "r", tmp_path / "docs")
    text = (tmp_path / "docs/validation.md").read_text("utf-8")
    assert "| [registration-1.json](validation/registration-1.json) | 2026-11-20 | 6 | – |" in text
    assert (tmp_path / "docs/validation/registration-1.json").is_file()


def test_drift_compares_the_cells_that_both_folders_have(tmp_path, docs):
    shutil.copytree(docs, tmp_path / "docs")
    for folder, totals in (("first", [1.9, 2.0, 2.1]), ("later", [2.2, 2.2, 2.3])):
        write(tmp_path / folder, "web", "lazy", "real", totals)
    write(tmp_path / "later", "web", "full", "real", [1.0])
    publish_drift(tmp_path / "first", tmp_path / "later", tmp_path / "docs")
    (row,) = read_tables(tmp_path / "docs").drift
    assert (row.first_s, row.later_s, row.apart) == (2.0, 2.2, True)
    assert row.drift == pytest.approx(0.1)
    assert row.first_at == "2026-11-24T10:00:00+00:00"
    assert "+10.0 %" in section((tmp_path / "docs/validation.md").read_text("utf-8"), "Drift")


def test_nothing_measured_twice_is_refused(tmp_path):
    write(tmp_path / "first", "web", "lazy", "real", [1.0])
    write(tmp_path / "later", "web", "full", "real", [1.0])
    with pytest.raises(BadInput, match="no cell"):
        publish_drift(tmp_path / "first", tmp_path / "later", tmp_path)


@pytest.mark.skipif(not (DOCS / "validation.md").exists(), reason="docs/validation.md is not committed yet")
def test_the_committed_document_is_what_the_committed_tables_give():
    assert (DOCS / "validation.md").read_text("utf-8") == document(read_tables(DOCS), read_faults(DOCS))

"""What tuning writes: a document, a table of starts and a figure that says what is simulated."""

import json

import pyarrow.parquet as pq
import pytest

from sim.experiment.executors import Serial
from sim.report.figures.pareto import draw_pareto
from sim.tune.candidate import BASELINES
from sim.tune.document import document, front_frame, starts_table, write_tuning
from sim.tune.subject import parse_network
from sim.tune.tuning import SHOWN, tune
from tests.tune.small import make_subject

NETWORKS = ("100 Mbit/s,20ms", "20 Mbit/s,100ms")
CANDIDATES = 30


@pytest.fixture(scope="module")
def tuning(tmp_path_factory):
    return tune(make_subject(tmp_path_factory.mktemp("subject"), NETWORKS), Serial(), trials=CANDIDATES)


def test_the_winner_is_the_least_and_no_worse_than_the_baselines(tuning):
    least = min(one.relative for one in tuning.scores)
    assert tuning.winner.relative == pytest.approx(least, abs=5e-4)
    assert tuning.winner.relative <= 1.0
    assert set(BASELINES.values()) <= {one.candidate for one in tuning.shown}


def test_what_is_shown_is_judged_too_and_never_sooner_than_the_clairvoyant(tuning):
    assert set(tuning.judged) == {one.candidate for one in tuning.shown}
    assert len(tuning.shown) <= SHOWN + len(BASELINES)
    for one in (*tuning.shown, *tuning.judged.values()):
        assert all(start.bound_s and start.total_s >= start.bound_s for start in one.starts)


def test_the_document_says_what_is_estimated_and_simulated(tuning):
    made = json.loads(json.dumps(document(tuning)))
    assert (made["layouts"], made["starts"]) == ("estimated", "simulated")
    assert (made["tuned_on"], made["judged_on"]) == (["tuned"], ["judged"])
    assert made["candidates"] == CANDIDATES
    assert made["simulated_starts"] == CANDIDATES * len(NETWORKS)
    assert made["networks"] == [parse_network(text)[0] for text in NETWORKS]
    first = made["ranking"][0]
    ratios = [start["total_s"] for start in first["starts"]]
    assert len(ratios) == len(NETWORKS)
    assert set(first["candidate"]) >= {"chunk_size_bytes", "share", "order", "region_size_bytes", "wait_at_most_s"}
    assert first["judged"]["relative"] > 0


def test_the_table_has_a_row_a_start(tuning):
    rows = starts_table(tuning).to_pylist()
    tuned = [row for row in rows if row["role"] == "tuned"]
    assert len(tuned) == CANDIDATES * len(NETWORKS)
    assert len(rows) - len(tuned) == len(tuning.shown) * len(NETWORKS)


def test_files_are_written(tuning, tmp_path):
    files = write_tuning(tuning, tmp_path / "out")
    assert [file.name for file in files] == ["tuning.json", "starts.parquet", "pareto.png"]
    assert pq.read_table(files[1]).num_rows == starts_table(tuning).num_rows
    assert files[2].read_bytes().startswith(b"\x89PNG")


def test_the_figure_names_units_and_what_is_simulated(tuning):
    frame = front_frame(tuning)
    figure = draw_pareto(frame, name="mini", where="here")
    axes = figure.axes[0]
    assert "estimated" in axes.get_title(loc="left")
    assert "simulated" in axes.get_title(loc="left")
    assert "÷ the default's" in axes.get_xlabel()
    assert "(MB" in axes.get_ylabel()
    dots = {collection.get_label(): collection for collection in axes.collections}
    assert len(dots["candidate"].get_offsets()) == CANDIDATES
    assert len(dots["on the Pareto front"].get_offsets()) == frame["front"].sum() == len(tuning.front)
    marked = {line.get_label(): line.get_xdata()[0] for line in axes.lines if not line.get_label().startswith("_")}
    assert marked["default"] == 1.0

"""What the figures draw: sums that must close, sources apart, causes before and after ready."""

import pandas as pd
import pyarrow as pa
import pytest

from sim.core.result import SHARE_KINDS, SPANS_SCHEMA
from sim.core.store import load_results
from sim.report.axes import AXES, RATE, RTT, at, reference, varied_axes
from sim.report.cells import PHASES, cells, finished, panels_of, spread, with_factor, workloads
from sim.report.figures.causes import cause_table
from sim.report.figures.distance import distance_table
from sim.report.figures.lines import line_table
from sim.report.figures.phases import phase_table
from sim.report.figures.shares import share_table
from sim.report.findings import compared, crossing_sentences, headline, soonest
from sim.report.stalls import stall_table
from tests.report.fake_results import manifest, write_startup


def test_phases_of_a_bar_add_up_to_its_total(runs):
    table = phase_table(at(runs, reference(runs)))
    assert len(table) == 2 * 5
    assert table[list(PHASES)].sum(axis=1).to_list() == pytest.approx(table["total"].to_list())
    assert (table["low"] == table["high"]).all()  # one replicate: no interval


def test_measured_and_simulated_runs_of_a_cell_never_share_a_bar(tmp_path):
    write_startup(tmp_path / "r", workloads=["numpy"])
    write_startup(tmp_path / "r", workloads=["numpy"], source="real", replicates=2)
    runs = finished(load_results(tmp_path / "r"))
    table = phase_table(at(runs, reference(runs)))
    assert table.groupby("source").size().to_dict() == {"model": 5, "real": 5}
    assert (table.loc[table["source"] == "real", "runs"] == 2).all()
    panels = panels_of(at(runs, reference(runs)))
    assert list(panels) == ["numpy · simulated", "numpy · measured"]
    assert set(panels["numpy · measured"]["source"]) == {"real"}
    assert share_table(panels["numpy · measured"]).empty


def test_shares_add_up_to_the_total(runs):
    table = share_table(at(runs[runs["workload"] == "numpy"], reference(runs)))
    assert list(table.index) == ["full", "lazy", "prefetch", "background", "clairvoyant"]
    assert table[list(SHARE_KINDS)].sum(axis=1).to_list() == pytest.approx(table["total_s"].to_list())


def test_spread_is_mean_smallest_and_largest():
    frame = pd.DataFrame({"k": ["a", "a", "a", "b"], "v": [1.0, 2.0, 6.0, 4.0]})
    rows = spread(frame, ["k"], "v").to_numpy().tolist()
    assert rows == [["a", 3.0, 1.0, 6.0, 3], ["b", 4.0, 4.0, 4.0, 1]]


def test_a_cell_is_one_row_however_many_replicates(tmp_path):
    write_startup(tmp_path / "r", workloads=["numpy"], replicates=2)
    table = cells(finished(load_results(tmp_path / "r")))
    assert len(table) == 5 * 9
    assert set(table["runs"]) == {2}


def test_distance_is_one_for_what_equals_the_clairvoyant():
    frame = pd.DataFrame({"total_s": [3.0, 1.5], "clairvoyant_total_s": [1.5, 1.5]})
    assert with_factor(frame)["factor"].to_list() == [2.0, 1.0]


def test_distance_has_a_column_a_cell_and_no_row_for_the_bound_itself(runs):
    table = distance_table(runs[runs["workload"] == "numpy"], [RATE, RTT])
    assert table.shape == (4, 9)
    assert "clairvoyant" not in table.index


def test_lines_have_x_in_the_unit_of_their_label_and_no_unlimited_rate(runs):
    rate = next(axis for axis in AXES if axis.column == RATE)
    rows = at(runs, {RTT: 0.02})
    assert sorted(set(line_table(rows, rate)["x"])) == pytest.approx([20, 100, 1000])  # Mbit/s
    unlimited = rows.assign(**{RATE: rows[RATE].replace(125e6, float("inf"))})
    assert sorted(set(line_table(unlimited, rate)["x"])) == pytest.approx([20, 100])


def test_an_experiment_on_image_size_has_no_network_axis(size_runs):
    assert [axis.noun for axis in varied_axes(size_runs)] == ["image size", "layers", "share read"]


def test_causes_are_split_at_ready():
    requests = pd.DataFrame(
        {
            "start_s": [0.0, 1.0, 2.0, 9.0, 10.0],
            "cause": ["manifest", "foreground", "foreground", "background", "background"],
            "bytes": [1_000_000, 2_000_000, 3_000_000, 5_000_000, 7_000_000],
        }
    )
    table = cause_table(requests, ready_s=10.0)
    assert table.loc["foreground"].to_dict() == {
        "megabytes": 5, "requests": 2, "megabytes_after": 0, "requests_after": 0
    }  # fmt: skip
    assert table.loc["background"].to_dict() == {
        "megabytes": 5, "requests": 1, "megabytes_after": 7, "requests_after": 1
    }  # fmt: skip


def test_bytes_that_no_recorded_request_brought_are_the_background_s_after_ready():
    requests = pd.DataFrame({"start_s": [0.0], "cause": ["foreground"], "bytes": [2_000_000]})
    table = cause_table(requests, ready_s=1.0, at_end_bytes=9_000_000)
    assert table["megabytes_after"].to_dict() == {"foreground": 0, "background": 7}
    assert table["megabytes"].to_dict() == {"foreground": 2, "background": 0}
    for nothing in (None, float("nan"), 2_000_000):
        assert list(cause_table(requests, ready_s=1.0, at_end_bytes=nothing).index) == ["foreground"]


def test_stalls_are_summed_by_file_longest_first():
    def row(path, start, end, kind="stall"):
        return {"kind": kind, "node": 0, "start_s": start, "end_s": end, "layer": 0, "path": path, "bytes": 1000}

    rows = [row("a", 0, 1), row("b", 1, 4), row("a", 4, 5), row("c", 5, 6, "prefetch"), row(None, 6, 9)]
    spans = pa.Table.from_pylist(rows, SPANS_SCHEMA).to_pandas()
    table = stall_table(spans)
    assert table[["path", "seconds", "stalls"]].to_numpy().tolist() == [["b", 3, 1], ["a", 2, 2]]
    assert table["share"].to_list() == pytest.approx([0.6, 0.4])
    assert len(stall_table(spans, top=1)) == 1


def test_workloads_come_smallest_image_first(runs):
    assert workloads(runs) == ["numpy", "tensorflow"]


def test_the_headline_names_who_was_first_and_by_how_much():
    columns = {"workload": ["w"] * 3, "source": ["model"] * 3, "strategy": ["full", "lazy", "clairvoyant"]}
    values = {"total_s": [30.0, 10.0, 5.0], "clairvoyant_total_s": [5.0] * 3, "image_bytes": [1e6] * 3}
    table = soonest(pd.DataFrame({**columns, **values}))
    row = table.iloc[0]
    assert (row["soonest"], row["soonest_s"], row["full_s"], row["speedup"], row["factor"]) == ("lazy", 10, 30, 3, 2)
    assert headline(table, "20 ms") == "At 20 ms, lazy was ready first; 3 times as fast as a full pull."


def test_presets_that_are_equal_share_the_first_place():
    columns = {"workload": ["w"] * 2, "source": ["model"] * 2, "strategy": ["background", "prefetch"]}
    values = {"total_s": [10.0, 10.0], "clairvoyant_total_s": [5.0] * 2, "image_bytes": [1e6] * 2}
    table = soonest(pd.DataFrame({**columns, **values}))
    assert headline(table, "") == "In these runs, prefetch and background were ready first."


def test_workloads_of_which_the_same_is_true_share_a_sentence():
    def rows(workload, lazy):
        pairs = [("full", 20.0, 50.0), ("full", 700.0, 50.0 / 35), ("lazy", 20.0, lazy), ("lazy", 700.0, lazy)]
        return [{"workload": workload, "strategy": name, RATE: rate * 125e3, "total_s": s} for name, rate, s in pairs]

    # full takes 1000 / rate: it meets 10 s at 100 Mbit/s and never 1 s
    frame = pd.DataFrame([*rows("a", 1.0), *rows("b", 1.0), *rows("c", 10.0)]).assign(source="model", image_bytes=1)
    assert crossing_sentences(frame, reference(frame)) == [
        "Sooner of lazy and full along the rate. a, b: lazy throughout; c: lazy, full beyond 100 Mbit/s."
    ]


def test_the_comparison_counts_runs_by_source(runs):
    assert compared(runs).endswith("3 values of rate × 3 values of round trip: 90 simulated runs.")


def test_the_fake_manifest_is_one_of_ours():
    assert manifest("e", "w", "lazy", {}).status == "done"

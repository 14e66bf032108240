"""Which columns an experiment varied, where its reference cell is, and slices through it."""

import math

import pandas as pd

from sim.report.axes import (
    AXES,
    LAYERS,
    RATE,
    READ_SHARE,
    RTT,
    SIZE,
    at,
    describe,
    reference,
    slice_along,
    varied,
)

AXIS = {axis.column: axis for axis in AXES}


def frame(**columns):
    size = max(len(values) for values in columns.values())
    return pd.DataFrame({"workload": ["w"] * size, "strategy": ["full"] * size, **columns})


def test_the_reference_network_is_100_mbit_and_20_ms_where_it_was_run(runs):
    assert reference(runs) == {RATE: 12.5e6, RTT: 0.02}
    assert describe(reference(runs)) == "100 Mbit/s, 20 ms round trip"


def test_other_grids_have_their_middle_as_reference():
    assert reference(frame(**{RTT: [0.3, 0.1, 0.2]})) == {RTT: 0.2}


def test_sweeps_of_one_quantity_at_a_time_share_a_base_which_is_the_reference(size_runs):
    cell = reference(size_runs)
    assert {name: cell[name] for name in (SIZE, LAYERS)} == {SIZE: 1_000_000_000, LAYERS: 10}
    assert math.isnan(cell[READ_SHARE])  # most runs read what was recorded
    assert len(at(size_runs, cell)) == 5
    assert describe(cell) == "1 GB image, 10 layers, share read as recorded"


def test_the_reference_is_a_cell_that_was_run():
    # no run has both commonest values
    values = frame(**{RTT: [1.0, 1.0, 1.0, 2.0, 3.0], LAYERS: [5, 6, 7, 8, 8]})
    assert not at(values, reference(values)).empty


def test_what_differs_between_presets_only_is_no_axis():
    values = frame(**{"client.region": ["50kB", "1MB"], RTT: [0.1, 0.1]})
    values["strategy"] = ["lazy", "prefetch"]
    assert varied(values) == []


def test_any_varied_config_value_counts_but_no_measured_one():
    values = frame(**{"client.region": ["50kB", "1MB"], "nodes": [1, 2], "total_s": [1.0, 2.0], RTT: [0.1, 0.2]})
    assert varied(values) == [RTT, "client.region", "nodes"]


def test_a_slice_holds_everything_but_its_axis(runs):
    rows, held = slice_along(runs, AXIS[RATE], reference(runs))
    assert held == {RTT: 0.02}
    assert set(rows[RTT]) == {0.02}
    assert rows[RATE].nunique() == 3


def test_a_slice_moves_to_where_its_axis_was_varied():
    values = frame(**{RTT: [0.02, 0.02, 0.02, 0.5, 0.5], LAYERS: [1, 1, 1, 4, 8]})
    rows, held = slice_along(values, AXIS[LAYERS], reference(values))
    assert held == {RTT: 0.5}
    assert list(rows[LAYERS]) == [4, 8]

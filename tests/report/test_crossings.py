"""Crossings of curves whose meeting points are known from their formulas."""

import numpy as np
import pandas as pd
import pytest

from sim.report.axes import RATE, RTT
from sim.report.crossings import crossings, sides

X = RATE


def frame(xs, **totals):
    """One workload; totals: preset → function of x."""
    rows = [
        {"workload": "w", "source": "model", "strategy": preset, X: x, "total_s": total(x)}
        for preset, total in totals.items()
        for x in xs
    ]
    return pd.DataFrame(rows)


def test_power_laws_meet_exactly_where_their_formulas_say():
    # 1000 / x = 10 at x = 100; between 20 and 700 there is no grid point
    table = crossings(frame([20.0, 700.0], full=lambda x: 1000 / x, lazy=lambda x: 10.0), X)
    assert table["crossing"].to_list() == [pytest.approx(100.0)]
    assert table[["below", "above"]].to_numpy().tolist() == [["lazy", "full"]]


def test_an_axis_from_zero_is_taken_as_straight():
    # log-ratio −1 at 0 and +1 at 4: half way
    table = crossings(frame([0.0, 4.0], full=lambda x: 1.0, lazy=lambda x: np.exp(x / 2 - 1)), X)
    assert table["crossing"].to_list() == [pytest.approx(2.0)]


def test_a_grid_point_at_which_both_are_equal_is_the_crossing():
    table = crossings(frame([1.0, 2.0, 3.0], full=lambda x: 2.0, lazy=lambda x: x), X)
    assert table["crossing"].to_list() == [2.0]


def test_touching_without_crossing_is_none():
    table = crossings(frame([1.0, 2.0, 3.0], full=lambda x: 1.0, lazy=lambda x: 1 + abs(x - 2)), X)
    assert table["crossing"].isna().all()
    assert set(table["below"]) == set(table["above"]) == {"full"}


def test_two_crossings_are_two_rows():
    table = crossings(frame([1.0, 2.0, 4.0], full=lambda x: 1.0, lazy=lambda x: 0.5 if x == 2 else 2.0), X)
    assert table["crossing"].to_list() == [pytest.approx(2**0.5), pytest.approx(2**1.5)]
    assert sides(table, "{:.1f}".format) == "full, lazy beyond 1.4, full beyond 2.8"


def test_without_a_crossing_the_sooner_one_is_named():
    table = crossings(frame([1.0, 2.0], full=lambda x: 5.0, lazy=lambda x: 1.0), X)
    assert sides(table, str) == "lazy throughout"


def test_the_bound_is_not_a_choice_and_one_point_is_no_line():
    both = {"full": lambda x: 2.0, "clairvoyant": lambda x: 1.0}
    assert crossings(frame([1.0, 2.0], **both), X).empty
    assert crossings(frame([1.0], full=lambda x: 2.0, lazy=lambda x: 1.0), X).empty


def test_other_varied_values_and_sources_are_kept_apart():
    near = frame([20.0, 700.0], full=lambda x: 1000 / x, lazy=lambda x: 10.0).assign(**{RTT: 0.02})
    far = frame([20.0, 700.0], full=lambda x: 1000 / x, lazy=lambda x: 5.0).assign(**{RTT: 0.1})
    real = near.assign(source="real")
    table = crossings(pd.concat([near, far, real]), X).set_index(["source", RTT])["crossing"]
    assert table["model", 0.02] == pytest.approx(100)
    assert table["model", 0.1] == pytest.approx(200)
    assert table["real", 0.02] == pytest.approx(100)


def test_replicates_are_averaged_first():
    one = frame([20.0, 700.0], full=lambda x: 900 / x, lazy=lambda x: 9.0)
    two = frame([20.0, 700.0], full=lambda x: 1100 / x, lazy=lambda x: 11.0)
    assert crossings(pd.concat([one, two]), X)["crossing"].to_list() == [pytest.approx(100)]

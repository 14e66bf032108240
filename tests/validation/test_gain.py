"""Gains by arithmetic on made-up medians."""

import pytest

from sim.core.errors import BadInput
from sim.validation.comparison import CellRow
from sim.validation.gain import gains, verdict


def row(strategy, measured, simulated, *, spread=0.0, workload="w", rate=100.0):
    return CellRow(
        workload=workload,
        strategy=strategy,
        rate_mbit_s=rate,
        rtt_ms=20.0,
        quantity="total",
        status="resolved",
        measured_runs=3,
        failed_runs=0,
        simulated_runs=1,
        measured_s=measured,
        measured_min_s=measured - spread,
        measured_max_s=measured + spread,
        simulated_s=simulated,
    )


def test_a_gain_is_the_share_of_the_other_time_that_is_saved():
    (found,) = gains([row("default", 4.0, 2.0, spread=1.0), row("tuned", 3.0, 1.0, spread=0.5)], "default")
    assert (found.strategy, found.over, found.measured_gain, found.simulated_gain) == ("tuned", "default", 0.25, 0.5)
    assert (found.measured_low, found.measured_high) == pytest.approx((1 - 3.5 / 3, 1 - 2.5 / 5))
    assert (found.kept, found.verdict) == (0.5, "undecided")


def test_each_is_compared_on_its_own_workload_and_network():
    cells = [row("default", 4.0, 4.0), row("tuned", 3.0, 3.0, rate=20.0), row("tuned", 3.0, 3.0, workload="x")]
    assert gains(cells, "default") == []


def test_a_strategy_that_is_not_there_is_refused():
    with pytest.raises(BadInput, match="no cell of strategy 'other'"):
        gains([row("default", 4.0, 4.0)], "other")


def test_cells_without_a_number_are_left_out():
    assert gains([row("default", 4.0, 4.0), row("tuned", 3.0, None)], "default") == []


@pytest.mark.parametrize(
    ("measured", "low", "high", "simulated", "word"),
    [
        (0.25, 0.2, 0.3, 0.5, "right"),
        (0.24, 0.2, 0.3, 0.5, "less"),
        (0.25, 0.2, 0.3, -0.1, "wrong"),
        (-0.2, -0.3, -0.1, 0.1, "wrong"),
        (-0.01, -0.02, -0.005, -0.1, "right"),
        (0.01, -0.1, 0.1, 0.5, "undecided"),
        (0.1, 0.05, 0.2, 0.0, "wrong"),
    ],
)
def test_the_verdict_asks_for_the_sign_and_half_of_the_prediction(measured, low, high, simulated, word):
    assert verdict(measured, low, high, simulated) == word

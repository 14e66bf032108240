"""Cells, errors, spreads: every expected value is arithmetic on the fake's totals."""

import math

import numpy as np
import pytest

from sim.core.errors import BadInput
from sim.validation.cell import Cell
from sim.validation.compare import compare
from sim.validation.overall import overall
from sim.validation.stats import quantile, variation
from tests.validation.fake import write


def total(comparison, workload="web", strategy="lazy"):
    return next(row for row in comparison.of("total") if (row.workload, row.strategy) == (workload, strategy))


def test_a_cell_has_the_medians_of_both_sources_and_their_signed_difference(tmp_path):
    write(tmp_path, "web", "lazy", "real", [1.98, 2.0, 2.02])
    write(tmp_path, "web", "lazy", "model", [1.9])
    row = total(compare(tmp_path))
    assert (row.measured_s, row.simulated_s, row.status) == (2.0, 1.9, "resolved")
    assert row.error == pytest.approx(-0.05)
    assert row.difference_s == pytest.approx(-0.1)
    assert row.measured_cv == pytest.approx(0.01)  # sample deviation of ±0.02 around 2
    assert (row.measured_min_s, row.measured_max_s, row.simulated_cv) == (1.98, 2.02, None)
    assert (row.rate_mbit_s, row.rtt_ms) == (100, 20)


def test_a_short_phase_may_be_half_off_and_a_small_share_of_the_total(tmp_path):
    write(tmp_path, "web", "lazy", "real", [1.0, 1.0, 1.0], phases=(0.99, 0.004, 0.003, 0.003))
    write(tmp_path, "web", "lazy", "model", [1.0], phases=(0.99, 0.002, 0.005, 0.003))
    create = compare(tmp_path).of("create")[0]
    assert create.error == pytest.approx(-0.5)
    assert create.share == pytest.approx(-0.002)


def test_a_wide_spread_or_too_few_runs_leave_a_cell_unresolved_and_failures_leave_nothing(tmp_path):
    write(tmp_path, "web", "full", "real", [1.0, 1.2, 1.4])  # CV 0.2 / 1.2 = 17 %
    write(tmp_path, "web", "lazy", "real", [1.0, 1.0])
    write(tmp_path, "web", "prefetch", "real", [None, None, None])
    write(tmp_path, "web", "background", "real", [1.0, None, 1.0, 1.0])
    for strategy in ("full", "lazy", "prefetch", "background", "clairvoyant"):
        write(tmp_path, "web", strategy, "model", [1.0])
    comparison = compare(tmp_path)
    found = {row.strategy: (row.status, row.note) for row in comparison.of("total")}
    assert found == {
        "full": ("unresolved", "CV 16.7 %"),
        "lazy": ("unresolved", "2 measured runs, 3 are needed"),
        "prefetch": ("failed", "…: container ended with status 1"),  # the path of this machine is not told
        "background": ("resolved", None),
    }
    assert total(comparison, strategy="background").failed_runs == 1
    assert [row.strategy for row in comparison.of("total")] == ["full", "lazy", "prefetch", "background"]


def test_missed_cells_count_as_infinitely_wrong(tmp_path):
    for rtt, simulated in (("1ms", 1.01), ("2ms", 0.98), ("3ms", 1.2)):
        write(tmp_path, "web", "lazy", "real", [1.0, 1.0, 1.0], rtt=rtt)
        write(tmp_path, "web", "lazy", "model", [simulated], rtt=rtt)
    write(tmp_path, "web", "lazy", "real", [1.0, 2.0, 3.0], rtt="4ms")
    write(tmp_path, "web", "lazy", "model", [2.0], rtt="4ms")
    row = next(row for row in overall(compare(tmp_path).cells) if (row.strategy, row.quantity) == ("all", "total"))
    assert (row.cells, row.missed, row.within) == (4, 1, 0.5)
    assert row.median == pytest.approx((0.02 + 0.2) / 2)
    assert row.p95 == math.inf
    assert row.resolved_median == pytest.approx(0.02)
    assert row.resolved_p95 == pytest.approx(0.2)
    assert row.bias == pytest.approx(0.01)


def test_one_source_alone_is_refused(tmp_path):
    write(tmp_path / "a", "web", "lazy", "real", [1.0])
    write(tmp_path / "b", "web", "lazy", "model", [1.0])
    for folder in ("a", "b", "c"):
        with pytest.raises(BadInput):
            compare(tmp_path / folder)


def test_cells_of_an_unlimited_link_are_cells_too(tmp_path):
    write(tmp_path, "web", "lazy", "real", [1.0], rate="unlimited", rtt="0ms")
    write(tmp_path, "web", "lazy", "model", [1.0], rate="unlimited", rtt="0ms")
    row = compare(tmp_path).of("total")[0]
    assert row.cell == Cell(workload="web", strategy="lazy", rate_mbit_s=math.inf, rtt_ms=0)
    assert row.network == "unlimited, 0 ms"


@pytest.mark.parametrize("count", [1, 2, 20, 21, 60, 61])
def test_the_quantile_is_numpys_higher(count):
    values = np.random.default_rng(count).random(count).tolist()
    assert quantile(values, 0.95) == np.quantile(values, 0.95, method="higher")


def test_variation_is_the_sample_deviation_over_the_mean():
    assert variation([1.0, 3.0]) == pytest.approx(2**0.5 / 2)
    assert variation([1.0]) is None

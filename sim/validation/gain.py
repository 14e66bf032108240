"""What another layout gains: the time one strategy saves over another, as predicted and as measured."""

from collections.abc import Iterable

from sim.core.errors import BadInput
from sim.validation.cell import Cell
from sim.validation.comparison import CellRow

KEPT_AT_LEAST = 0.5  # of the predicted gain


class GainRow(Cell, frozen=True, kw_only=True):
    """One strategy against another, `over`, on one workload and network.

    gain: 1 − its median total ÷ the other's, of measured and of simulated runs. measured_low, measured_high: the same
    of its slowest against the other's fastest run, and the other way round.
    kept: measured gain ÷ predicted gain. verdict: "right", "less" (under half of the prediction), "wrong" (the sign
    differs), "undecided" (low and high have different signs).
    """

    over: str
    over_measured_s: float
    measured_s: float
    measured_gain: float
    measured_low: float
    measured_high: float
    simulated_gain: float
    kept: float
    verdict: str


def gains(totals: Iterable[CellRow], over: str) -> list[GainRow]:
    """A row for each cell beside the ones of `over` on the same workload and network, both measured and simulated.

    Raises `BadInput` when there is no such strategy.
    """
    rows = [row for row in totals if row.measured_s is not None and row.simulated_s is not None]
    bases = {(row.workload, row.network): row for row in rows if row.strategy == over}
    if not bases:
        raise BadInput(f"no cell of strategy {over!r} was measured and simulated; pass one that was with --over")
    pairs = [(bases.get((row.workload, row.network)), row) for row in rows if row.strategy != over]
    return [_row(base, row) for base, row in pairs if base is not None]


def verdict(measured: float, low: float, high: float, simulated: float) -> str:
    """Whether a measured gain is what was predicted; `GainRow` says what each word means."""
    if low < 0 < high:
        return "undecided"
    if measured * simulated <= 0:
        return "wrong"
    return "right" if measured >= KEPT_AT_LEAST * simulated or simulated < 0 else "less"


def _row(base: CellRow, row: CellRow) -> GainRow:
    one, other = _seconds(base), _seconds(row)
    measured, simulated = _gain(one[0], other[0]), _gain(one[1], other[1])
    low, high = _gain(one[2], other[3]), _gain(one[3], other[2])
    return GainRow(
        **row.key,
        over=base.strategy,
        over_measured_s=one[0],
        measured_s=other[0],
        measured_gain=measured,
        measured_low=low,
        measured_high=high,
        simulated_gain=simulated,
        kept=measured / simulated if simulated else float("nan"),
        verdict=verdict(measured, low, high, simulated),
    )


def _seconds(row: CellRow) -> tuple[float, float, float, float]:
    """Measured and simulated median, smallest and largest measured run."""
    return row.measured_s or 0.0, row.simulated_s or 0.0, row.measured_min_s or 0.0, row.measured_max_s or 0.0


def _gain(base_s: float, other_s: float) -> float:
    return 1 - other_s / base_s

"""Whether the model puts the presets in the order that was measured."""

import itertools
from collections.abc import Iterable, Sequence

from sim.validation.comparison import FAILED, CellRow, PairRow
from sim.validation.requests import RIGHT, UNDECIDED, WRONG


def ranking(totals: Iterable[CellRow]) -> list[PairRow]:
    """Each pair of presets that were measured for the same workload and network; rows of `total` given.

    The measured order counts when the medians differ by more than the spread of the difference: the differences between
    a run of one and a run of the other span the sum of the two ranges. Then the model must order them the same, ties
    being wrong. Of two equal presets with three normally distributed runs each, 1.4 % of the pairs exceed it by
    chance; 12 % would exceed half of it.
    """
    groups: dict[tuple[str, float, float], list[CellRow]] = {}
    for row in totals:
        if row.status != FAILED:
            groups.setdefault((row.workload, row.rate_mbit_s, row.rtt_ms), []).append(row)
    return [_pair(pair) for rows in groups.values() for pair in itertools.combinations(rows, 2)]


def _pair(pair: Sequence[CellRow]) -> PairRow:
    sooner, later = sorted(pair, key=lambda row: row.measured_s or 0.0)
    measured_s = (later.measured_s or 0.0) - (sooner.measured_s or 0.0)
    simulated_s = (later.simulated_s or 0.0) - (sooner.simulated_s or 0.0)
    spread_s = _range(sooner) + _range(later)
    return PairRow(
        **sooner.key,
        later=later.strategy,
        measured_s=measured_s,
        spread_s=spread_s,
        simulated_s=simulated_s,
        verdict=verdict(measured_s, simulated_s, spread_s),
    )


def verdict(measured_s: float, simulated_s: float, spread_s: float) -> str:
    """Whether the order is right, wrong, or not decided by the measurement; both differences later − sooner."""
    return UNDECIDED if measured_s <= spread_s else RIGHT if simulated_s > 0 else WRONG


def _range(row: CellRow) -> float:
    return (row.measured_max_s or 0.0) - (row.measured_min_s or 0.0)

"""Whether the model puts the presets in the order that was measured."""

import itertools
from collections.abc import Iterable, Sequence

from sim.validation.comparison import FAILED, CellRow, PairRow
from sim.validation.requests import RIGHT, UNDECIDED, WRONG


def ranking(totals: Iterable[CellRow]) -> list[PairRow]:
    """Each pair of presets that were measured for the same workload and network; rows of `total` given.

    The measured order counts when the medians differ by more than the sum of the two half-ranges, that is when the two
    bands of half a range around each median do not touch. Then the model must order them the same, ties being wrong.
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
    spread_s = _half_range(sooner) + _half_range(later)
    verdict = UNDECIDED if measured_s <= spread_s else RIGHT if simulated_s > 0 else WRONG
    return PairRow(
        **sooner.key,
        later=later.strategy,
        measured_s=measured_s,
        spread_s=spread_s,
        simulated_s=simulated_s,
        verdict=verdict,
    )


def _half_range(row: CellRow) -> float:
    return ((row.measured_max_s or 0.0) - (row.measured_min_s or 0.0)) / 2

"""Where model and reality part, for the cells that are farthest off: which kind of span, and by how many seconds."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

from sim.validation.cell import Cell
from sim.validation.comparison import CellRow, ResidueRow
from sim.validation.runs import MEASURED, SIMULATED, Run, done
from sim.validation.spent import AFTER, COMPARABLE, PHASE, SPAN, Kind, spent
from sim.validation.stats import median

WORST_CELLS = 8


def worst(totals: Iterable[CellRow], most: int = WORST_CELLS) -> list[CellRow]:
    """The cells with the largest error of the total, the worst first; rows of `total` given."""
    known = [row for row in totals if row.error is not None]
    return sorted(known, key=lambda row: -abs(row.error or 0.0))[:most]


def residue(totals: Sequence[CellRow], groups: Mapping[Cell, Sequence[Run]]) -> list[ResidueRow]:
    """Rows of the worst cells, level by level as `spent` cuts a run, in each the largest difference first."""
    return [row for total in worst(totals) for row in cell_residue(total.cell, groups[total.cell])]


def cell_residue(cell: Cell, runs: Sequence[Run]) -> list[ResidueRow]:
    """All kinds that both sources have, medians over the runs of each."""
    measured = [spent(run.stored) for run in done(runs, MEASURED)]
    simulated = [spent(run.stored) for run in done(runs, SIMULATED)]
    kinds = _kinds(measured, simulated)
    pairs = {kind: (_middle(measured, kind), _middle(simulated, kind)) for kind in kinds}
    largest: dict[str, Kind] = {}
    for level, every in groupby(kinds, key=lambda kind: kind[0]):
        largest[level] = max(every, key=lambda kind: abs(pairs[kind][1] - pairs[kind][0]))
    rows = [
        ResidueRow(
            **cell.key,
            level=level,
            kind=name,
            measured_s=real_s,
            simulated_s=model_s,
            difference_s=model_s - real_s,
            largest=level in COMPARABLE and largest[level] == (level, name),
        )
        for (level, name), (real_s, model_s) in pairs.items()
    ]
    levels = list(largest)
    return sorted(rows, key=lambda row: (levels.index(row.level), -abs(row.difference_s)))


def sentence(total: CellRow, rows: Iterable[ResidueRow]) -> str:
    """Where one cell's seconds go astray, in words."""
    found = {row.level: row for row in rows if row.largest and row.cell == total.cell}
    parts = [f"{total.title}: simulated {_signed(total.difference_s)} s ({100 * (total.error or 0.0):+.1f} %)"]
    if PHASE in found:
        parts.append(f"phase {found[PHASE].kind} {_signed(found[PHASE].difference_s)} s")
    if AFTER in found:
        parts.append(f"most in {found[AFTER].kind} requests, {_signed(found[AFTER].difference_s)} s")
    if SPAN in found:
        parts.append(f"of the spans, {found[SPAN].kind} {_signed(found[SPAN].difference_s)} s")
    return "; ".join(parts) + "."


def _kinds(measured: Sequence[Mapping[Kind, float]], simulated: Sequence[Mapping[Kind, float]]) -> list[Kind]:
    """Those to compare, level by level: spans only where both sources have some, of the rest all that either has.

    A kind of `after` that one side lacks is 0 there: the seconds are in another piece.
    """
    real, model = ({kind for run in side for kind in run} for side in (measured, simulated))
    both = real & model
    every = dict.fromkeys(kind for side in (measured, simulated) for run in side for kind in run)
    chosen = [kind for kind in every if kind in both or kind[0] == AFTER]
    order = list(dict.fromkeys(level for level, _ in every))
    return sorted(chosen, key=lambda kind: order.index(kind[0]))


def _middle(runs: Sequence[Mapping[Kind, float]], kind: Kind) -> float:
    values = [run[kind] if kind[0] != AFTER else run.get(kind, 0.0) for run in runs if kind in run or kind[0] == AFTER]
    return median(values) or 0.0


def _signed(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds:+.3f}"

"""The same cells measured again later on a freshly started testbed: how far the machine itself drifts."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sim.core.errors import BadInput
from sim.validation.comparison import DriftRow
from sim.validation.runs import MEASURED, Run, by_cell, done, read_runs
from sim.validation.stats import median


def drift(first: Path, later: Path) -> list[DriftRow]:
    """A row a cell that was measured in both folders. Raises `BadInput` when they share none."""
    before, after = by_cell(read_runs(first)), by_cell(read_runs(later))
    pairs = [(cell, done(before[cell], MEASURED), done(after[cell], MEASURED)) for cell in before if cell in after]
    rows = [_row(cell.key, one, two) for cell, one, two in pairs if one and two]
    if not rows:
        raise BadInput(f"{later}: no cell of it was measured in {first} too; measure the same cells again")
    return rows


def _row(key: dict[str, Any], first: Sequence[Run], later: Sequence[Run]) -> DriftRow:
    one, two = _side("first", first), _side("later", later)
    return DriftRow(
        **key,
        **one,
        **two,
        drift=two["later_s"] / one["first_s"] - 1,
        apart=one["first_max_s"] < two["later_min_s"] or two["later_max_s"] < one["first_min_s"],
    )


def _side(name: str, runs: Sequence[Run]) -> dict[str, Any]:
    totals = [run.row.total_s or 0.0 for run in runs]
    return {
        f"{name}_runs": len(runs),
        f"{name}_s": median(totals),
        f"{name}_min_s": min(totals),
        f"{name}_max_s": max(totals),
        f"{name}_at": min(run.row.measured_at or "" for run in runs),
    }

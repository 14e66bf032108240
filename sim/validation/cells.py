"""One cell's phases: medians of both sources, error and spread, and whether its measurement can be relied on."""

from collections.abc import Sequence
from typing import Any

from sim.validation.cell import Cell
from sim.validation.comparison import CV_AT_MOST, FAILED, RESOLVED, RUNS_AT_LEAST, UNRESOLVED, CellRow
from sim.validation.runs import MEASURED, QUANTITIES, SIMULATED, Run, done
from sim.validation.stats import median, relative, variation


def cell_rows(cell: Cell, runs: Sequence[Run]) -> list[CellRow]:
    """A row a phase and one for the total, all runs of the cell given."""
    measured, simulated = done(runs, MEASURED), done(runs, SIMULATED)
    failed = [run for run in runs if run.row.source == MEASURED and not run.row.done]
    status, note = _status(measured, simulated, failed)
    counts: dict[str, Any] = {
        "status": status,
        "note": note,
        "measured_runs": len(measured),
        "failed_runs": len(failed),
        "simulated_runs": len(simulated),
    }
    total_s = median(_seconds(measured, "total"))
    return [
        CellRow(
            **cell.key,
            quantity=name,
            **counts,
            **_numbers(_seconds(measured, name), _seconds(simulated, name), total_s),
        )
        for name in QUANTITIES
    ]


def _status(measured: Sequence[Run], simulated: Sequence[Run], failed: Sequence[Run]) -> tuple[str, str | None]:
    """Of the cell, and why."""
    if not measured:
        return FAILED, failed[0].row.error if failed else "not measured"
    if not simulated:
        return FAILED, "not simulated"
    if len(measured) < RUNS_AT_LEAST:
        return UNRESOLVED, f"{len(measured)} measured runs, {RUNS_AT_LEAST} are needed"
    spread = variation(_seconds(measured, "total"))
    if spread is None or spread > CV_AT_MOST:
        return UNRESOLVED, "no spread" if spread is None else f"CV {100 * spread:.1f} %"
    return RESOLVED, None


def _seconds(runs: Sequence[Run], name: str) -> list[float]:
    values = [getattr(run.row, f"{name}_s") for run in runs]
    return [value for value in values if value is not None]


def _numbers(measured: list[float], simulated: list[float], total_s: float | None) -> dict[str, Any]:
    measured_s, simulated_s = median(measured), median(simulated)
    difference_s = None if measured_s is None or simulated_s is None else simulated_s - measured_s
    return {
        "measured_s": measured_s,
        "simulated_s": simulated_s,
        "error": relative(simulated_s, measured_s),
        "difference_s": difference_s,
        "share": None if difference_s is None or not total_s else difference_s / total_s,
        **_spread("measured", measured),
        **_spread("simulated", simulated),
    }


def _spread(source: str, values: list[float]) -> dict[str, float | None]:
    return {
        f"{source}_cv": variation(values),
        f"{source}_min_s": min(values, default=None),
        f"{source}_max_s": max(values, default=None),
    }

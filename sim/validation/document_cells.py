"""The document's tables over cells: every cell, good or bad, and those that were missed."""

from sim.validation.comparison import CellRow, Comparison
from sim.validation.markdown import bullets, section, table
from sim.validation.runs import QUANTITIES
from sim.validation.words import NONE, percent, seconds

_KEYS = ["workload", "network", "preset"]


def cells(comparison: Comparison) -> str:
    """Totals of all cells."""
    header = [*_KEYS, "measured (s)", "range", "CV", "runs", "simulated (s)", "range", "runs", "error", ""]
    rows = [
        [
            *_names(row),
            seconds(row.measured_s),
            _range(row.measured_min_s, row.measured_max_s),
            percent(row.measured_cv, sign=False),
            f"{row.measured_runs}" + (f" + {row.failed_runs} failed" if row.failed_runs else ""),
            seconds(row.simulated_s),
            _range(row.simulated_min_s, row.simulated_max_s),
            str(row.simulated_runs),
            percent(row.error),
            "" if row.resolved else row.status,
        ]
        for row in comparison.of("total")
    ]
    lead = "Total time of every cell, medians; ranges are smallest to largest run."
    return section("Every cell", lead, table(header, rows, left=3))


def phases(comparison: Comparison) -> str:
    """The four phases of all cells: medians of both sources and the difference."""
    names = [name for name in QUANTITIES if name != "total"]
    header = [*_KEYS, *(f"{name} {what}" for name in names for what in ("measured", "simulated", "error"))]
    by_name = {name: comparison.of(name) for name in names}
    rows = [
        [*_names(row), *(text for name in names for text in _phase(by_name[name][place]))]
        for place, row in enumerate(comparison.of("total"))
    ]
    lead = "Medians in seconds. The phases' ranges are in [validation/cells.csv](validation/cells.csv)."
    return section("Every phase of every cell", lead, table(header, rows, left=3))


def missed(comparison: Comparison) -> str:
    """Cells that count as missed, and runs that failed."""
    every = comparison.of("total")
    texts = [f"{row.title}: {row.status}, {row.note}" for row in every if not row.resolved]
    failed = [
        f"{run.title}, {'measured' if run.source == 'real' else 'simulated'} run {run.replicate}: {run.error}"
        for run in comparison.runs
        if not run.done
    ]
    return section(
        "Unresolved and failed",
        bullets(texts) if texts else "No cell was missed.",
        bullets(failed) if failed else "No run failed.",
    )


def _names(row: CellRow) -> list[str]:
    return [row.workload, row.network, row.strategy]


def _phase(row: CellRow) -> list[str]:
    return [seconds(row.measured_s), seconds(row.simulated_s), percent(row.error)]


def _range(low: float | None, high: float | None) -> str:
    return NONE if low is None or high is None else f"{low:.3f}–{high:.3f}"

"""The tables of the page as HTML; a measured and a simulated number never share a column."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from sim.report.html import Column, table
from sim.validation.comparison import Comparison
from sim.validation.findings import Finding
from sim.validation.overall import overall
from sim.validation.words import megabytes, percent, seconds

if TYPE_CHECKING:
    import pandas as pd

OVERALL = (
    "Median and 95th percentile of |error|, where a missed cell counts as infinitely wrong; then over the resolved "
    "cells alone. Bias: median of the signed error. Percentiles are values that occurred (numpy's “higher”)."
)
REQUESTS = (
    "Layer requests answered by ready, as (blob, byte ranges). A difference is the number of requests to add, "
    "drop or replace to turn one log into the other: between the model and measured runs (median, largest pair), and "
    "between two measured runs (largest)."
)
RANKING = (
    "Pairs of presets. A pair counts when the measured medians differ by more than the sum of both ranges (largest − "
    "smallest run); then the model must order it the same."
)
CELLS = "Medians over the runs; CV: sample standard deviation ÷ mean. A dash: not known."


def findings_html(found: Sequence[Finding]) -> str:
    """The first screen's table: what has to hold, and whether it does."""
    columns = {
        "what": Column("", number=False),
        "required": Column("required", number=False),
        "found": Column("found", number=False),
        "verdict": Column("holds", number=False),
    }
    rows = [{name: getattr(finding, name) for name in columns} for finding in found]
    return table(_frame(rows), columns)


def overall_html(comparison: Comparison) -> str:
    """Errors by preset and phase."""
    columns = {
        "strategy": Column("preset", number=False),
        "quantity": Column("phase", number=False),
        "cells": Column("cells"),
        "missed": Column("missed"),
        "median": Column("median", _plain),
        "p95": Column("p95", _plain),
        "within": Column("within 12 %", _plain),
        "resolved_median": Column("resolved: median", _plain),
        "resolved_p95": Column("resolved: p95", _plain),
        "bias": Column("bias", percent),
        "share_p95": Column("p95 ÷ total", _plain),
    }
    return table(_frame(map(msgspec.to_builtins, overall(comparison.cells))), columns, sortable=True)


def requests_html(comparison: Comparison) -> str:
    """Bytes and requests of every cell."""
    columns = {
        **_keys(),
        "requests_measured": Column("requests measured"),
        "requests_simulated": Column("simulated"),
        "model_median": Column("model: median"),
        "model_max": Column("largest"),
        "real_max": Column("measured runs: largest"),
        "rule": Column("must be", number=False),
        "verdict": Column("verdict", number=False),
        "log_measured_bytes": Column("MB measured", megabytes),
        "log_simulated_bytes": Column("MB simulated", megabytes),
        "log_error": Column("error", percent),
        "bytes_verdict": Column("within 1 %", number=False),
    }
    return table(_frame(map(_row, comparison.requests)), columns, sortable=True)


def ranking_html(comparison: Comparison) -> str:
    """All pairs of presets."""
    columns = {
        "workload": Column("workload", number=False),
        "network": Column("network", number=False),
        "strategy": Column("measured sooner", number=False),
        "later": Column("than", number=False),
        "measured_s": Column("measured by (s)", seconds),
        "spread_s": Column("spread (s)", seconds),
        "simulated_s": Column("simulated by (s)", _signed),
        "verdict": Column("verdict", number=False),
    }
    return table(_frame(map(_row, comparison.ranking)), columns, sortable=True) if comparison.ranking else ""


def cells_html(comparison: Comparison) -> str:
    """All phases of all cells."""
    columns = {
        **_keys(),
        "quantity": Column("phase", number=False),
        "measured_s": Column("measured (s)", seconds),
        "measured_min_s": Column("smallest", seconds),
        "measured_max_s": Column("largest", seconds),
        "measured_cv": Column("CV", _plain),
        "measured_runs": Column("runs"),
        "simulated_s": Column("simulated (s)", seconds),
        "simulated_min_s": Column("smallest", seconds),
        "simulated_max_s": Column("largest", seconds),
        "simulated_runs": Column("runs"),
        "difference_s": Column("difference (s)", _signed),
        "error": Column("error", percent),
        "share": Column("÷ total", percent),
        "status": Column("cell", number=False),
        "note": Column("why", number=False, missing=""),
    }
    return table(_frame(map(_row, comparison.cells)), columns, caption="Click a heading to sort", sortable=True)


def residue_html(comparison: Comparison) -> str:
    """The kinds that part each of the worst cells most."""
    columns = {
        **_keys(),
        "level": Column("cut", number=False),
        "kind": Column("kind", number=False),
        "measured_s": Column("measured (s)", seconds),
        "simulated_s": Column("simulated (s)", seconds),
        "difference_s": Column("difference (s)", _signed),
    }
    rows = [_row(row) for row in comparison.residue if row.largest]
    return table(_frame(rows), columns) if rows else ""


def _keys() -> dict[str, Column]:
    names = {"workload": "workload", "network": "network", "strategy": "preset"}
    return {name: Column(title, number=False) for name, title in names.items()}


def _row(row: Any) -> dict[str, Any]:
    return {**msgspec.structs.asdict(row), "network": row.network}


def _frame(rows: Any) -> "pd.DataFrame":
    """Values as they are: no column becomes float because one of its values is missing."""
    import pandas as pd

    return pd.DataFrame(list(rows), dtype=object)


def _plain(value: float) -> str:
    return percent(value, sign=False)


def _signed(value: float) -> str:
    return seconds(value, sign=True)

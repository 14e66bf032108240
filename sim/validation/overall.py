"""The errors of all cells in a few numbers, by preset and phase."""

from collections.abc import Iterable, Sequence

import msgspec

from sim.validation.cell import PRESETS
from sim.validation.comparison import ERROR_WITHIN, CellRow
from sim.validation.runs import QUANTITIES
from sim.validation.stats import median, quantile

ALL = "all"
MISSED = float("inf")


class ErrorRow(msgspec.Struct, frozen=True, kw_only=True):
    """The errors of one quantity over the cells of one preset, or of all.

    median, p95: of |error|, a missed cell (unresolved or failed) counting as infinite; p95 is numpy's quantile
    "higher". within: share of *all* cells that are resolved and at most 12 % off.
    resolved_median, resolved_p95, bias (median of the signed error), share_p95 (of |difference ÷ measured total|):
    over the resolved cells alone.
    """

    strategy: str
    quantity: str
    cells: int
    missed: int
    median: float | None
    p95: float | None
    within: float | None
    resolved_median: float | None
    resolved_p95: float | None
    bias: float | None
    share_p95: float | None


def overall(cells: Iterable[CellRow]) -> list[ErrorRow]:
    """A row a quantity for all presets together, then for each."""
    every = list(cells)
    names = {row.strategy for row in every}
    presets = [*(name for name in PRESETS if name in names), *sorted(names - set(PRESETS))]
    return [
        _row(strategy, quantity, [row for row in every if row.quantity == quantity and strategy in (ALL, row.strategy)])
        for strategy in (ALL, *presets)
        for quantity in QUANTITIES
    ]


def _row(strategy: str, quantity: str, rows: Sequence[CellRow]) -> ErrorRow:
    signed = [row.error for row in rows if row.resolved and row.error is not None]
    resolved = [abs(error) for error in signed]
    missed = len(rows) - len(resolved)
    errors = resolved + [MISSED] * missed
    shares = [abs(row.share) for row in rows if row.resolved and row.share is not None]
    return ErrorRow(
        strategy=strategy,
        quantity=quantity,
        cells=len(rows),
        missed=missed,
        median=median(errors),
        p95=quantile(errors, 0.95),
        within=sum(error <= ERROR_WITHIN for error in errors) / len(errors) if errors else None,
        resolved_median=median(resolved),
        resolved_p95=quantile(resolved, 0.95),
        bias=median(signed),
        share_p95=quantile(shares, 0.95),
    )

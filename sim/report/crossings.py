"""Where a strategy and the full pull take equally long."""

from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from sim.core.program import FloatColumn
from sim.report.axes import varied

if TYPE_CHECKING:
    import pandas as pd

CROSSING_COLUMNS = ("workload", "source", "strategy", "crossing", "below", "above")
NOT_COMPARED = "clairvoyant"  # it is the bound, not a choice


def crossings(frame: "pd.DataFrame", x: str, *, baseline: str = "full") -> "pd.DataFrame":
    """Values of `x` at which strategies cross the baseline, one row each.

    frame: runs table. Columns of the answer: workload, source, the other varied columns, strategy, `crossing`
    (in the unit of `x`), `below` and `above`: which of the two is sooner on either side. A pair that does not
    cross within the range has one row with `crossing` NaN and the sooner one in both. Between two points the ratio
    of the totals is taken as a power of `x` (a straight line where an x is not positive).
    """
    import pandas as pd

    held = ["workload", "source", *(name for name in varied(frame) if name != x)]
    rows: list[dict[str, object]] = []
    for key, group in frame.groupby(held, dropna=False, sort=False):
        totals = group.pivot_table(index=x, columns="strategy", values="total_s", aggfunc="mean").sort_index()
        for strategy in totals.columns.difference([baseline, NOT_COMPARED]):
            if baseline in totals:
                pair = totals[[strategy, baseline]].dropna()
                rows.extend({**dict(zip(held, key, strict=True)), **row} for row in _pair(pair, strategy, baseline))
    return pd.DataFrame(rows, columns=[*held, "strategy", "crossing", "below", "above"])


def sides(rows: "pd.DataFrame", say: Callable[[float], str]) -> str:
    """The crossings of one pair in words: "lazy, full beyond 128 Mbit/s", "lazy throughout"."""
    below = rows["below"].iloc[0]
    if rows["crossing"].isna().all():
        return f"{below} throughout"
    turns = [f"{above} beyond {say(at)}" for above, at in zip(rows["above"], rows["crossing"], strict=True)]
    return f"{below}, {', '.join(turns)}"


def _pair(pair: "pd.DataFrame", strategy: str, baseline: str) -> list[dict[str, object]]:
    if len(pair) < 2:
        return []
    x = pair.index.to_numpy(float)
    advantage = np.log(pair[strategy].to_numpy(float) / pair[baseline].to_numpy(float))

    def sooner(value: float) -> str:
        return strategy if value < 0 else baseline

    points = zero_crossings(x, advantage)
    if not points:
        name = sooner(float(advantage.sum()))
        return [{"strategy": strategy, "crossing": float("nan"), "below": name, "above": name}]
    return [
        {"strategy": strategy, "crossing": at, "below": sooner(before), "above": sooner(-before)}
        for at, before in points
    ]


def zero_crossings(x: FloatColumn, y: FloatColumn) -> list[tuple[float, float]]:
    """Where y changes sign, and the last value of y before that; x ascending. A touch without a change is none."""
    nonzero = np.flatnonzero(y)
    found: list[tuple[float, float]] = []
    for left, right in pairwise(nonzero):
        if y[left] * y[right] < 0:
            # a grid point at which both are exactly equal is the crossing itself
            at = x[left + 1] if right > left + 1 else _between(x[left], x[right], y[left], y[right])
            found.append((float(at), float(y[left])))
    return found


def _between(x0: float, x1: float, y0: float, y1: float) -> float:
    part = y0 / (y0 - y1)
    return float(x0 * (x1 / x0) ** part) if x0 > 0 else float(x0 + (x1 - x0) * part)

"""From runs to cells: one row a cell, replicates brought together."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sim.core.manifest import SUMMARY_KEYS
from sim.report.axes import varied

if TYPE_CHECKING:
    import pandas as pd

PHASES: tuple[str, ...] = ("pull", "create", "start", "ready")
FACTOR = "factor"
SOURCES = {"model": "simulated", "real": "measured"}


def finished(frame: "pd.DataFrame") -> "pd.DataFrame":
    """Runs that are done and have a total."""
    return frame[(frame["status"] == "done") & frame["total_s"].notna()]


def spread(frame: "pd.DataFrame", keys: Sequence[str], value: str) -> "pd.DataFrame":
    """Columns `keys`, `mean`, `low`, `high`, `runs` of a value over the rows that share the keys.

    low and high are the smallest and largest: with few replicates nothing finer can be said honestly.
    """
    groups = frame.groupby(list(keys), dropna=False, sort=True)[value]
    return groups.agg(mean="mean", low="min", high="max", runs="count").reset_index()


def cells(frame: "pd.DataFrame") -> "pd.DataFrame":
    """One row a cell: workload, strategy, source, the varied columns, `runs` and the mean of every summary value."""
    import pandas as pd

    keys = ["workload", "strategy", "source", *varied(frame)]
    numbers = [name for name in SUMMARY_KEYS if name in frame and pd.api.types.is_numeric_dtype(frame[name])]
    groups = frame.groupby(keys, dropna=False, sort=False)
    return pd.concat([groups.size().rename("runs"), groups[numbers].mean()], axis=1).reset_index()


def with_factor(frame: "pd.DataFrame") -> "pd.DataFrame":
    """With column `factor`: total ÷ the clairvoyant's total of the same cell."""
    return frame.assign(**{FACTOR: frame["total_s"] / frame["clairvoyant_total_s"]})


def workloads(frame: "pd.DataFrame") -> list[str]:
    """Workloads from the smallest image to the largest."""
    sizes = frame.groupby("workload")["image_bytes"].max()
    return [str(name) for name in sizes.sort_values(kind="stable").index]


def panels_of(frame: "pd.DataFrame") -> dict[str, "pd.DataFrame"]:
    """Title → rows of one workload from one source, smallest image first, simulated before measured.

    Measured and simulated runs never share a panel.
    """
    found = {}
    for workload in workloads(frame):
        for source in SOURCES:
            rows = frame[(frame["workload"] == workload) & (frame["source"] == source)]
            if not rows.empty:
                found[title(rows, workload)] = rows
    return found


def title(rows: "pd.DataFrame", name: str) -> str:
    """Name, measured or simulated, and SYNTHETIC where any input was made up."""
    sources = " and ".join(text for source, text in SOURCES.items() if (rows["source"] == source).any())
    return f"{name} · {sources}{' · SYNTHETIC' if rows['synthetic'].any() else ''}"

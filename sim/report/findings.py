"""What the numbers say, in sentences computed from them."""

from typing import TYPE_CHECKING, Any

from sim.report import style
from sim.report.axes import describe, slice_along, varied_axes
from sim.report.cells import SOURCES, cells, with_factor, workloads
from sim.report.crossings import NOT_COMPARED, crossings, sides

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

EQUAL = 1e-3  # totals closer than this, relatively, are called equal


def compared(frame: "pd.DataFrame") -> str:
    """One sentence: presets, images, grid and number of runs."""
    presets = ", ".join(style.in_order(frame["strategy"].to_list()))
    names = workloads(frame)
    grid = " × ".join(f"{frame[axis.column].nunique()} values of {axis.noun}" for axis in varied_axes(frame))
    runs = " and ".join(
        f"{(frame['source'] == source).sum()} {text} runs"
        for source, text in SOURCES.items()
        if (frame["source"] == source).any()
    )
    images = f"{len(names)} workloads ({', '.join(names)})" if len(names) > 1 else f"one workload ({names[0]})"
    return f"{presets}; on {images}{'; over ' + grid if grid else ''}: {runs}."


def soonest(cell: "pd.DataFrame") -> "pd.DataFrame":
    """Rows of one cell and source to one row a workload, smallest image first.

    Columns: workload, image_bytes (in the smallest format), `soonest` (the preset or presets), `soonest_s`, `full_s`,
    `speedup` (full ÷ soonest) and `factor` (soonest ÷ clairvoyant); NaN where there is nothing to compare with.
    """
    import pandas as pd

    rows = []
    means = with_factor(cells(cell))
    for workload in workloads(cell):
        part = means[means["workload"] == workload].set_index("strategy")
        choices = part.drop(index=NOT_COMPARED, errors="ignore")
        if not choices.empty:
            best = choices.sort_values("total_s", kind="stable").iloc[0]
            equal = choices.index[choices["total_s"] <= best["total_s"] * (1 + EQUAL)]
            name = " and ".join(style.in_order(equal.to_list()))
            full = float(choices["total_s"].get("full", float("nan")))
            facts = {"workload": workload, "image_bytes": choices["image_bytes"].min(), "soonest": name}
            times = {"soonest_s": best["total_s"], "full_s": full, "speedup": full / best["total_s"]}
            rows.append({**facts, **times, "factor": best["factor"]})
    return pd.DataFrame(rows)


def headline(table: "pd.DataFrame", where: str) -> str:
    """The main finding of a `soonest` table in one or two sentences."""
    place = f"At {where}" if where else "In these runs"
    counts = table["soonest"].value_counts()
    won = ", ".join(f"{name} for {number} of {len(table)}" for name, number in counts.items())
    name = str(counts.index[0])
    verb = "were" if " and " in name else "was"
    first = f"{name} {verb} ready first{' for every workload' if len(table) > 1 else ''}"
    who = first if len(counts) == 1 else f"ready first: {won} workloads"
    gains = table.loc[table["soonest"] != "full", "speedup"].dropna()
    if gains.empty:
        return f"{place}, {who}."
    low, high = f"{gains.min():.2g}", f"{gains.max():.2g}"
    return f"{place}, {who}; {low if low == high else f'{low} to {high}'} times as fast as a full pull."


def crossing_sentences(frame: "pd.DataFrame", cell: "Mapping[str, Any]", *, strategy: str = "lazy") -> list[str]:
    """One sentence an axis: which of the two is sooner from where on, workload by workload."""
    sentences = []
    for axis in varied_axes(frame):
        rows, held = slice_along(frame, axis, cell)
        table = crossings(rows, axis.column)
        names: dict[str, list[str]] = {}
        for workload in workloads(rows):
            part = table[(table["workload"] == workload) & (table["strategy"] == strategy)]
            if not part.empty:
                names.setdefault(sides(part, axis.format), []).append(workload)
        if names:
            at = f" (at {describe(held)})" if held else ""
            parts = "; ".join(f"{', '.join(who)}: {text}" for text, who in names.items())
            sentences.append(f"Sooner of {strategy} and full along the {axis.noun}{at}. {parts}.")
    return sentences

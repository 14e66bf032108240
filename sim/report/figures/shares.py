"""Where the time went, along the chain that ends at ready, and what the total would be if one cause were gone."""

from typing import TYPE_CHECKING

from sim.core.result import SHARE_KINDS
from sim.report import style
from sim.report.cells import panels_of
from sim.report.figures import bars

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SHARE_COLUMNS = {f"share_{kind}_s": kind for kind in SHARE_KINDS}
SHARE_TEXTS = {
    "rate": "network rate",
    "round_trip": "round trips",
    "registry": "registry",
    "unpack": "unpack",
    "inflate": "inflate, hash, cache",
    "fuse": "FUSE hits",
    "prefetch_wait": "waiting for prefetch",
    "application": "application",
}
WHAT_IFS = {
    "what_if_no_round_trip_total_s": ("no round trip", "o"),
    "what_if_infinite_rate_total_s": ("infinite rate", "D"),
    "what_if_infinite_cpu_total_s": ("infinite CPU", "s"),
    "what_if_perfect_prefetch_total_s": ("perfect prefetch", "^"),
}


def share_table(frame: "pd.DataFrame") -> "pd.DataFrame":
    """Mean share of each kind and each what-if, one row a preset; the shares of a row add up to `total_s`.

    frame: runs of one workload, source and cell. Runs without shares (measured ones) have no row.
    """
    present = [name for name in (*SHARE_COLUMNS, *WHAT_IFS, "total_s") if name in frame]
    known = frame[frame["share_rate_s"].notna()]
    table = known.groupby("strategy")[present].mean().rename(columns=SHARE_COLUMNS)
    return table.reindex(style.in_order(table.index.to_list()))


def draw_shares(frame: "pd.DataFrame", *, where: str) -> "Figure":
    """One panel a workload; the dots on a bar are the what-ifs."""
    tables = {title: share_table(rows) for title, rows in panels_of(frame).items()}
    tables = {title: table for title, table in tables.items() if not table.empty}
    height = bars.panel_height(max(len(table) for table in tables.values())) + 0.15
    with style.look():
        figure, panels = style.panels(len(tables), panel_height=height)
        for axes, (title, table) in zip(panels, tables.items(), strict=True):
            _panel(axes, table)
            axes.set_title(title)
        style.legend_above(figure, list(SHARE_TEXTS.values()))
        figure.supxlabel(f"seconds of the time until ready, at {where}" if where else "seconds", fontsize=9.5)
    return figure


def _panel(axes: "Axes", part: "pd.DataFrame") -> None:
    pieces = part[list(SHARE_KINDS)].rename(columns=SHARE_TEXTS)
    bars.stack(axes, pieces, {SHARE_TEXTS[kind]: style.SHARE_COLOURS[kind] for kind in SHARE_KINDS})
    bars.name_rows(axes, list(part.index))
    bars.name_ends(axes, part["total_s"].to_list(), [bars.seconds(value) for value in part["total_s"]])
    for column, (text, marker) in WHAT_IFS.items():
        if column in part and part[column].notna().any():
            axes.plot(
                part[column], range(len(part)), marker, ms=6, mfc="white", mec=style.INK, mew=1.2, ls="none", label=text
            )

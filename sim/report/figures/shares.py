"""Where the time went, along the chain that ends at ready, and what the total would be if one cause were gone."""

from typing import TYPE_CHECKING

from sim.core.result import SHARE_KINDS
from sim.report import style
from sim.report.cells import label, workloads
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
    """Rows of one cell to the mean share of each kind and each what-if, one row (workload, strategy).

    Runs without shares (measured ones) have no row. The shares of a row add up to `total_s`.
    """
    present = [name for name in (*SHARE_COLUMNS, *WHAT_IFS, "total_s") if name in frame]
    known = frame[frame["share_rate_s"].notna()]
    return known.groupby(["workload", "strategy"])[present].mean().rename(columns=SHARE_COLUMNS).reset_index()


def draw_shares(frame: "pd.DataFrame", *, where: str) -> "Figure":
    """One panel a workload; the dots on a bar are the what-ifs."""
    table = share_table(frame)
    names = [name for name in workloads(frame) if name in set(table["workload"])]
    presets = style.in_order(table["strategy"].to_list())
    with style.look():
        figure, panels = style.panels(len(names), panel_height=bars.panel_height(len(presets)) + 0.15)
        for axes, workload in zip(panels, names, strict=True):
            part = table[table["workload"] == workload].set_index("strategy")
            _panel(axes, part.reindex([name for name in presets if name in part.index]))
            axes.set_title(label(frame, workload))
        style.legend_above(figure, *_legend(panels[0]))
        figure.supxlabel(f"seconds of the time until ready, at {where}" if where else "seconds", fontsize=9.5)
    return figure


def _legend(axes: "Axes") -> tuple[list[object], list[str]]:
    """Shares first, then what-ifs."""
    entries = list(zip(*axes.get_legend_handles_labels(), strict=True))
    entries.sort(key=lambda entry: entry[1] not in SHARE_TEXTS.values())
    return [handle for handle, _ in entries], [label for _, label in entries]


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

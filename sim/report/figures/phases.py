"""Pull, create, start, ready: how the time until ready splits under each preset."""

from typing import TYPE_CHECKING

from sim.report import style
from sim.report.cells import PHASES, panels_of, spread
from sim.report.figures import bars

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def phase_table(frame: "pd.DataFrame") -> "pd.DataFrame":
    """Rows of one cell to one row (workload, source, strategy) with the mean of each phase, `total`, `low`, `high`.

    Sources stay apart: a row is either measured or simulated, never a mix.
    """
    keys = ["workload", "source", "strategy"]
    means = frame.groupby(keys, sort=False)[[f"{phase}_s" for phase in PHASES]].mean()
    means.columns = list(PHASES)
    totals = spread(frame, keys, "total_s").set_index(keys).rename(columns={"mean": "total"})
    return means.join(totals).reset_index()


def draw_phases(frame: "pd.DataFrame", *, where: str) -> "Figure":
    """One panel a workload, one bar a preset; measured bars stand in panels of their own."""
    parts = panels_of(frame)
    presets = style.in_order(frame["strategy"].to_list())
    with style.look():
        figure, panels = style.panels(len(parts), panel_height=bars.panel_height(len(presets)))
        for axes, (title, rows) in zip(panels, parts.items(), strict=True):
            table = phase_table(rows).set_index("strategy")
            _panel(axes, table.reindex([name for name in presets if name in table.index]))
            axes.set_title(title)
        style.legend_above(figure, PHASES)
        figure.supxlabel(f"seconds from the request, at {where}" if where else "seconds from the request", fontsize=9.5)
    return figure


def _panel(axes: "Axes", part: "pd.DataFrame") -> None:
    bars.stack(axes, part[list(PHASES)], style.PHASE_COLOURS)
    bars.name_rows(axes, list(part.index))
    bars.name_ends(axes, part["high"].to_list(), [bars.seconds(value) for value in part["total"]])
    several = part[part["high"] > part["low"]]
    if not several.empty:
        rows = [list(part.index).index(name) for name in several.index]
        around = [several["total"] - several["low"], several["high"] - several["total"]]
        axes.errorbar(several["total"], rows, xerr=around, fmt="none", ecolor=style.INK, elinewidth=1, capsize=3)

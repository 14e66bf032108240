"""How many times longer than the clairvoyant, who knows the trace, each preset takes; one panel a workload."""

from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from matplotlib.colors import LinearSegmentedColormap, LogNorm

from sim.report import style
from sim.report.cells import FACTOR, cells, label, with_factor, workloads

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes as Panel
    from matplotlib.figure import Figure

    from sim.report.axes import Axis


def distance_table(frame: "pd.DataFrame", columns: list[str]) -> "pd.DataFrame":
    """Rows (workload, strategy) × the values of `columns`: total ÷ clairvoyant total. The clairvoyant has no row."""
    known = with_factor(cells(frame)).dropna(subset=FACTOR)
    known = known[known["strategy"] != "clairvoyant"]
    return known.pivot_table(index=["workload", "strategy"], columns=columns, values=FACTOR, aggfunc="mean")


def draw_distance(frame: "pd.DataFrame", axes_of_grid: list["Axis"]) -> "Figure":
    """A table in colour: presets down, cells of the grid across, the factor written in each."""
    table = distance_table(frame, [axis.column for axis in axes_of_grid])
    names = [name for name in workloads(frame) if name in table.index.get_level_values("workload")]
    presets = style.in_order(table.index.get_level_values("strategy").to_list())
    labels = ["\n".join(_texts(key, axes_of_grid)) for key in table.columns]
    norm = LogNorm(1.0, max(2.0, float(np.nanmax(table.to_numpy()))))
    with style.look():
        columns = 2 if len(labels) <= 6 else 1
        height = 0.8 + 0.36 * len(presets) + 0.17 * len(axes_of_grid)
        figure, panels = style.panels(len(names), columns=columns, panel_height=height)
        for panel, workload in zip(panels, names, strict=True):
            part = table.loc[[workload]].droplevel("workload")
            part = part.reindex([name for name in presets if name in part.index])
            _heat(panel, part, labels, norm)
            panel.set_title(label(frame, workload))
        figure.supxlabel(
            "time until ready ÷ the clairvoyant's (1 = nothing could be sooner; bold: the soonest of its column)",
            fontsize=9.5,
        )
    return figure


def _heat(panel: "Panel", part: "pd.DataFrame", labels: list[str], norm: LogNorm) -> None:
    values = part.to_numpy(float)
    # white edges need a mesh; the darkest fifth of the map is left out so that dark text is never needed on it
    colours = LinearSegmentedColormap.from_list("distance", mpl.colormaps["Blues"](np.linspace(0.04, 0.85, 64)))
    rows, columns = values.shape
    panel.pcolormesh(
        np.arange(columns + 1) - 0.5, np.arange(rows + 1) - 0.5, values, cmap=colours, norm=norm, ec="w", lw=2
    )
    panel.invert_yaxis()
    panel.set_xticks(range(len(labels)), labels, fontsize=8.5)
    panel.set_yticks(range(len(part)), list(part.index))
    panel.tick_params(length=0)
    panel.grid(visible=False)
    panel.spines[:].set_visible(False)
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            dark = norm(value) > 0.72
            best = "bold" if value == np.nanmin(values[:, column]) else "normal"
            text = f"×{value:.0f}" if value >= 100 else f"×{value:.3g}"
            colour = "white" if dark else style.INK
            panel.text(column, row, text, ha="center", va="center", fontsize=8.5, color=colour, fontweight=best)


def _texts(key: object, axes_of_grid: list["Axis"]) -> list[str]:
    values = key if isinstance(key, tuple) else (key,)
    return [axis.format(value) for axis, value in zip(axes_of_grid, values, strict=True)]

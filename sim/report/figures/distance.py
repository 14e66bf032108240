"""How many times longer than the clairvoyant, who knows the trace, each preset takes; one panel a workload."""

from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from matplotlib.colors import LinearSegmentedColormap, LogNorm

from sim.report import style
from sim.report.cells import FACTOR, cells, panels_of, with_factor
from sim.report.crossings import NOT_COMPARED

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes as Panel
    from matplotlib.figure import Figure

    from sim.report.axes import Axis


def distance_table(frame: "pd.DataFrame", columns: list[str]) -> "pd.DataFrame":
    """Presets × the values of `columns`: total ÷ clairvoyant total. The clairvoyant has no row.

    frame: runs of one workload and source.
    """
    known = with_factor(cells(frame)).dropna(subset=FACTOR)
    known = known[known["strategy"] != NOT_COMPARED]
    table = known.pivot_table(index="strategy", columns=columns, values=FACTOR, aggfunc="mean")
    return table.reindex(style.in_order(table.index.to_list()))


def draw_distance(frame: "pd.DataFrame", axes_of_grid: list["Axis"]) -> "Figure":
    """A table in colour: presets down, cells of the grid across, the factor written in each."""
    columns = [axis.column for axis in axes_of_grid]
    tables = {title: distance_table(rows, columns) for title, rows in panels_of(frame).items()}
    tables = {title: table for title, table in tables.items() if not table.empty}
    across = max(table.shape[1] for table in tables.values())
    down = max(table.shape[0] for table in tables.values())
    norm = LogNorm(1.0, max(2.0, *(float(np.nanmax(table.to_numpy())) for table in tables.values())))
    height = 0.8 + 0.36 * down + 0.17 * len(axes_of_grid)
    with style.look():
        figure, panels = style.panels(len(tables), columns=2 if across <= 6 else 1, panel_height=height)
        for panel, (title, table) in zip(panels, tables.items(), strict=True):
            _heat(panel, table, ["\n".join(_texts(key, axes_of_grid)) for key in table.columns], norm)
            panel.set_title(title)
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

"""Time until ready against one axis of the experiment, one panel a workload, with the crossings marked."""

import math
from typing import TYPE_CHECKING

from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from sim.report import style
from sim.report.axes import differ
from sim.report.cells import panels_of, spread
from sim.report.crossings import crossings

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sim.report.axes import Axis


def line_table(frame: "pd.DataFrame", axis: "Axis", value: str = "total_s") -> "pd.DataFrame":
    """Rows of a slice to one row a point: workload, strategy, `x` in the axis's unit, mean, low, high, runs.

    An unlimited rate has no place on the axis and is left out.
    """
    table = spread(frame, ["workload", "strategy", axis.column], value)
    table["x"] = table[axis.column] * axis.scale
    return table[table["x"].map(math.isfinite)]


def draw_lines(frame: "pd.DataFrame", axis: "Axis", *, where: str) -> "Figure":
    """Both axes logarithmic, since times and rates span decades; vertical lines where a preset meets the full pull."""
    parts = {title: rows for title, rows in panels_of(frame).items() if differ(rows[axis.column])}
    presets = style.in_order(frame["strategy"].to_list())
    with style.look():
        figure, panels = style.panels(len(parts), panel_height=3.1)
        for axes, (title, rows) in zip(panels, parts.items(), strict=True):
            points = line_table(rows, axis)
            for preset in presets:
                _line(axes, points[points["strategy"] == preset], preset, presets)
            _meetings(axes, crossings(rows, axis.column).dropna(subset="crossing"), axis, presets)
            _scales(axes, points)
            axes.set(title=title, ylabel="ready after (s)")
        style.legend_above(figure, presets)
        figure.supxlabel(f"{axis.label}, at {where}" if where else axis.label, fontsize=9.5)
    return figure


def _line(axes: "Axes", points: "pd.DataFrame", preset: str, presets: list[str]) -> None:
    colour = style.colour(preset, presets)
    dashed = "--" if preset == "clairvoyant" else "-"
    axes.plot(
        points["x"],
        points["mean"],
        dashed,
        color=colour,
        marker=style.marker(preset, presets),
        ms=style.marker_size(preset),
        lw=style.line_width(preset),
        label=preset,
    )
    if (points["high"] > points["low"]).any():
        axes.fill_between(points["x"], points["low"], points["high"], color=colour, alpha=0.18, lw=0)


def _meetings(axes: "Axes", meets: "pd.DataFrame", axis: "Axis", presets: list[str]) -> None:
    for strategy, at in zip(meets["strategy"], meets["crossing"] * axis.scale, strict=True):
        axes.axvline(at, color=style.colour(strategy, presets), lw=1, ls=":", zorder=1)


def _scales(axes: "Axes", points: "pd.DataFrame") -> None:
    if points["x"].min() > 0:
        axes.set_xscale("log")
    axes.set_yscale("log")
    values = sorted(points["x"].unique())
    axes.set_xticks(_apart(values), [f"{value:.6g}" for value in _apart(values)])
    axes.xaxis.set_minor_locator(NullLocator())
    span = points["high"].max() / points["low"].min()
    steps = (1.0, 2.0, 5.0) if span < 30 else (1.0, 3.0) if span < 1000 else (1.0,)
    axes.yaxis.set_major_locator(LogLocator(subs=steps))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def _apart(values: list[float]) -> list[float]:
    """At most eight of the values, so that tick labels do not touch."""
    step = -(-len(values) // 8)
    return values[::step]

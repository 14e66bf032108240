"""Pull time and time until ready against the size of the image, one dot a workload and preset."""

from typing import TYPE_CHECKING

from matplotlib.ticker import FuncFormatter, NullFormatter

from sim.report import style
from sim.report.cells import spread, title

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

VALUES = {"pull_s": "until pulled", "total_s": "until ready"}
CLOSE = 1.6  # sizes nearer than this factor have labels that would touch


def image_table(frame: "pd.DataFrame", value: str) -> "pd.DataFrame":
    """Rows of one cell to one row (strategy, workload) with `megabytes` of the image, mean, low, high.

    The size is the image's in its smallest format, the same for every preset.
    """
    table = spread(frame, ["strategy", "workload"], value)
    sizes = frame.groupby("workload")["image_bytes"].min() / 1e6
    return table.assign(megabytes=table["workload"].map(sizes)).sort_values(["strategy", "megabytes"])


def draw_images(frame: "pd.DataFrame", *, where: str) -> "Figure":
    """Two panels a source, pull and ready. The lines only join a preset's dots: images differ in more than size."""
    presets = style.in_order(frame["strategy"].to_list())
    sources = [rows for _, rows in frame.groupby("source")]
    with style.look():
        figure, panels = style.panels(2 * len(sources), panel_height=3.5, share_y=True)
        wanted = [(rows, *value) for rows in sources for value in VALUES.items()]
        for axes, (rows, value, text) in zip(panels, wanted, strict=True):
            table = image_table(rows, value)
            for preset in presets:
                _dots(axes, table[table["strategy"] == preset], preset, presets)
            _names(axes, table)
            axes.set(title=title(rows, text), xlabel="image size, compressed (MB)", ylabel=f"{text} (s)")
            axes.yaxis.set_tick_params(labelleft=True)
        style.legend_above(figure, presets)
        if where:
            figure.supxlabel(f"at {where}", fontsize=9.5)
    return figure


def _dots(axes: "Axes", points: "pd.DataFrame", preset: str, presets: list[str]) -> None:
    colour = style.colour(preset, presets)
    marker = style.marker(preset, presets)
    size = style.marker_size(preset) + 1
    axes.plot(points["megabytes"], points["mean"], ":", color=colour, marker=marker, ms=size, lw=1, label=preset)


def _names(axes: "Axes", table: "pd.DataFrame") -> None:
    axes.set_xscale("log")
    axes.set_yscale("log")
    sizes = table.groupby("workload")["megabytes"].max().sort_values()
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xticks(sizes.to_list(), _staggered(sizes))
    axes.minorticks_off()
    axes.set_xlim(sizes.min() / 1.35, sizes.max() * 1.35)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def _staggered(sizes: "pd.Series[float]") -> list[str]:
    """Size and name below each tick; one that would touch its left neighbour stands lower."""
    labels: list[str] = []
    left, lowered = 0.0, False
    for name, size in sizes.items():
        lowered = size < CLOSE * left and not lowered
        labels.append("\n\n" * lowered + f"{size:.0f}\n{name}")
        left = size
    return labels

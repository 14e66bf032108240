"""Tuning's candidates: time until ready against bytes fetched, the image's size as colour, the Pareto front marked."""

from typing import TYPE_CHECKING, Any

from matplotlib.colors import Normalize
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from sim.report import style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = "viridis"
MARK_SHAPES = ("D", "s", "*", "P")
MARK_COLOUR = "#d55e00"


def draw_pareto(frame: "pd.DataFrame", *, name: str, where: str) -> "Figure":
    """One dot a candidate.

    frame: columns `relative` (time until ready ÷ the default's), `fetched_bytes`, `image_bytes`, `front` (nothing is
    better in all three), `mark` (a name to point it out by, or empty). where: recordings and networks, in words.
    """
    with style.look():
        figure, (axes,) = style.panels(1, panel_height=5.0)
        front = frame[frame["front"]]
        norm = Normalize(frame["image_bytes"].min() / 1e6, frame["image_bytes"].max() / 1e6)
        _dots(axes, frame, norm, size=16, label="candidate", zorder=2)
        dots = _dots(axes, front, norm, size=56, label="on the Pareto front", zorder=3, edge=style.INK)
        figure.colorbar(dots, ax=axes, label="image size, compressed (MB)", pad=0.02)
        _marks(axes, frame[frame["mark"] != ""])
        axes.axvline(1.0, color=style.MUTED, lw=1, ls=":", zorder=1)
        axes.set(
            title=f"{name} · layouts estimated, starts simulated",
            xlabel=f"time until ready ÷ the default's (mean)\n{where}",
            ylabel="fetched until ready (MB, mean)",
        )
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 1.5, 2.0, 3.0, 5.0, 7.0)))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        style.legend_above(figure, ["candidate", "on the Pareto front"])
    return figure


def _dots(
    axes: "Axes", rows: "pd.DataFrame", norm: Normalize, *, size: float, label: str, zorder: int, edge: str = "none"
) -> Any:
    x, y, colour = rows["relative"], rows["fetched_bytes"] / 1e6, rows["image_bytes"] / 1e6
    return axes.scatter(
        x, y, c=colour, cmap=COLOURS, norm=norm, s=size, edgecolors=edge, linewidths=0.9, label=label, zorder=zorder
    )


def _marks(axes: "Axes", marked: "pd.DataFrame") -> None:
    ordered = marked.sort_values("mark")
    points = zip(ordered["mark"], ordered["relative"], ordered["fetched_bytes"] / 1e6, strict=True)
    for number, (name, x, y) in enumerate(points):
        shape = MARK_SHAPES[number % len(MARK_SHAPES)]
        size = 16 if shape == "*" else 12
        axes.plot([x], [y], shape, ms=size, mfc="none", mec=MARK_COLOUR, mew=1.8, ls="none", label=name, zorder=4)

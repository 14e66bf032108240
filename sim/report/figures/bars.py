"""Stacked horizontal bars, the form that phases, shares and causes have in common."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sim.report import style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

BAR_HEIGHT = 0.66
ROW_INCHES = 0.36


def stack(axes: "Axes", table: "pd.DataFrame", colours: Mapping[str, str], **options: Any) -> None:
    """One bar a row of `table`, top row on top, one piece a column; `options` go to every piece."""
    left = [0.0] * len(table)
    for name in table.columns:
        widths = table[name].fillna(0.0).to_list()
        axes.barh(
            range(len(table)),
            widths,
            left=left,
            height=BAR_HEIGHT,
            color=colours[name],
            label=name,
            linewidth=0,
            **options,
        )
        left = [begin + width for begin, width in zip(left, widths, strict=True)]


def name_rows(axes: "Axes", names: Sequence[str]) -> None:
    """Names along y, first on top; grid along x only."""
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.45, -0.55)
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)


def name_ends(axes: "Axes", ends: Sequence[float], texts: Sequence[str], *, widest: float | None = None) -> None:
    """A number behind each bar, and the room for it."""
    widest = max([*ends, 1e-12]) if widest is None else widest
    axes.set_xlim(0, widest * 1.27)
    for row, (end, text) in enumerate(zip(ends, texts, strict=True)):
        axes.text(end + widest * 0.03, row, text, va="center", fontsize=8.5, color=style.INK)


def panel_height(rows: int) -> float:
    """Inches for that many bars, title and axis included."""
    return 0.95 + ROW_INCHES * rows


def seconds(value: float) -> str:
    """Three significant digits: "0.42 s", "12.3 s", "142 s"."""
    return f"{value:.0f} s" if value >= 100 else f"{value:.3g} s"

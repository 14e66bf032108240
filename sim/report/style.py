"""One look for every figure: colours that colour-blind readers can tell apart, sizes, and the way to PNG."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK = "#1f2328"
MUTED = "#59636e"
GRID = "#e3e6ea"
PAPER = "#ffffff"

# Okabe and Ito, "Color Universal Design" (2008): eight colours told apart under the common colour-vision
# deficiencies. The full pull, which everything is compared with, is dark grey instead of black.
PRESET_COLOURS: dict[str, str] = {
    "full": "#4d5560",
    "lazy": "#0072b2",
    "prefetch": "#e69f00",
    "background": "#009e73",
    "clairvoyant": "#cc79a7",
}
PRESET_MARKERS: dict[str, str] = {"full": "s", "lazy": "o", "prefetch": "^", "background": "D", "clairvoyant": "v"}
# the background fetch starts as a prefetch does, so the two are often equal: what lies beneath is drawn broader
BROAD_PRESET = "prefetch"
SPARE_COLOURS = ("#d55e00", "#56b4e9", "#b8a800", "#7f3c8d", "#8c564b")
SPARE_MARKERS = "PX*hp"
PHASE_COLOURS: dict[str, str] = {"pull": "#0072b2", "create": "#56b4e9", "start": "#cc79a7", "ready": "#e69f00"}
SHARE_COLOURS: dict[str, str] = {
    "rate": "#0072b2",
    "round_trip": "#d55e00",
    "registry": "#cc79a7",
    "unpack": "#e69f00",
    "inflate": "#f0e442",
    "fuse": "#009e73",
    "prefetch_wait": "#56b4e9",
    "application": "#b9bfc6",
}
CAUSE_COLOURS: dict[str, str] = {
    "layer": "#4d5560",
    "foreground": "#0072b2",
    "prefetch": "#e69f00",
    "background": "#009e73",
    "index": "#d55e00",
    "probe": "#f0e442",
    "manifest": "#cc79a7",
    "config": "#b07aa1",
    "token": "#8c564b",
    "check": "#56b4e9",
    "peer": "#7f3c8d",
}
WIDTH_INCHES = 10.0
LEGEND_COLUMNS = 7
DOTS_PER_INCH = 144
_RC: Any = {  # matplotlib types its keys one by one
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # ships with matplotlib: the same picture on every machine
    "font.size": 9.5,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 9.5,
    "axes.labelcolor": MUTED,
    "axes.edgecolor": "#b9bfc6",
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "figure.facecolor": PAPER,
    "axes.facecolor": PAPER,
    "hatch.linewidth": 0.6,
}


@contextmanager
def look() -> Iterator[None]:
    """Everything drawn inside has the report's look; nothing outside changes."""
    with mpl.rc_context(_RC):
        yield


def png(figure: Figure) -> bytes:
    """The figure as PNG; same data, same matplotlib → same bytes."""
    buffer = BytesIO()
    with look():
        figure.savefig(buffer, format="png", dpi=DOTS_PER_INCH, metadata={"Software": None})
    return buffer.getvalue()


def colour(preset: str, presets: Sequence[str]) -> str:
    """A preset's fixed colour; presets of other names take spare ones in their order of appearance."""
    return PRESET_COLOURS.get(preset) or SPARE_COLOURS[_spare(preset, presets) % len(SPARE_COLOURS)]


def marker(preset: str, presets: Sequence[str]) -> str:
    """A preset's fixed marker, so that colour is never the only difference."""
    return PRESET_MARKERS.get(preset) or SPARE_MARKERS[_spare(preset, presets) % len(SPARE_MARKERS)]


def line_width(preset: str) -> float:
    """In points."""
    return 4.2 if preset == BROAD_PRESET else 1.6


def marker_size(preset: str) -> float:
    """In points."""
    return 9.5 if preset == BROAD_PRESET else 5.0


def in_order(presets: Sequence[str]) -> list[str]:
    """Presets in the order in which every figure and table shows them: the known ones first."""
    known = list(PRESET_COLOURS)
    return sorted(set(presets), key=lambda name: (known.index(name) if name in known else len(known), name))


def panels(
    count: int, *, columns: int = 2, panel_height: float = 2.9, share_y: bool = False
) -> tuple[Figure, list["Axes"]]:
    """A figure of `count` equal panels, row by row; room for a legend is left to `legend_above`. Heights in inches."""
    columns = min(columns, count)
    rows = -(-count // columns)
    figure = Figure(
        figsize=(WIDTH_INCHES, rows * panel_height + 0.6), layout=ConstrainedLayoutEngine(h_pad=0.07, w_pad=0.07)
    )
    grid = figure.subplots(rows, columns, squeeze=False, sharey=share_y)
    every = [axes for row in grid for axes in row]
    for spare in every[count:]:
        spare.set_visible(False)
    return figure, every[:count]


def legend_above(figure: Figure, order: Sequence[str]) -> None:
    """One legend for all panels, above them, where it covers nothing; entries in `order`, others after them."""
    entries = {
        label: handle for axes in figure.axes for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    labels = sorted(entries, key=lambda label: order.index(label) if label in order else len(order))
    rows = -(-len(labels) // LEGEND_COLUMNS)
    columns = -(-len(labels) // rows)
    by_row = [label for column in range(columns) for label in labels[column::columns]]  # matplotlib fills columns first
    figure.legend(
        [entries[label] for label in by_row], by_row, loc="outside upper left", ncols=columns, handlelength=1.6
    )


def pale(colour: str) -> tuple[float, float, float]:
    """The colour mixed with two thirds of paper; unlike transparency it hides the grid."""
    red, green, blue = to_rgb(colour)
    return (1 - (1 - red) / 3, 1 - (1 - green) / 3, 1 - (1 - blue) / 3)


def _spare(preset: str, presets: Sequence[str]) -> int:
    return [name for name in in_order(presets) if name not in PRESET_COLOURS].index(preset)

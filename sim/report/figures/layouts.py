"""Ready time, bytes and requests against one setting of the layout: a column a workload, a line a network."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from sim.core.units import format_duration, format_rate, parse_size
from sim.report import style
from sim.report.axes import RATE, RTT
from sim.report.cells import panels_of

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CHUNK_SIZE, SHARE = "layout.chunk_size", "layout.landmark.share"
X_LABELS = {CHUNK_SIZE: "chunk size (KiB)", SHARE: "share of the accessed files before the landmark (%)"}
X_SCALES: dict[str, Callable[[Any], float]] = {
    CHUNK_SIZE: lambda size: parse_size(size) / 1024,
    SHARE: lambda share: 100 * share,
}
QUANTITIES = {
    "total_s": ("ready after (s)", 1.0),
    "fetched_bytes": ("fetched until ready (MB)", 1e-6),
    "requests": ("HTTP requests", 1.0),
}
NETWORK_COLOURS = ("#0072b2", "#e69f00", "#009e73", *style.SPARE_COLOURS)  # by round trip
RATE_DASHES = (":", "--", "-")  # by rate, slowest first
RATE_MARKERS = "osD"


def layout_table(frame: "pd.DataFrame", column: str) -> "pd.DataFrame":
    """Rows to one a point: `x` in the unit of `X_LABELS`, workload, rate, round trip and the `QUANTITIES`, means."""
    table = frame.dropna(subset=[column])
    table = table.assign(x=table[column].map(X_SCALES[column]))
    keys = ["workload", RATE, RTT, "x"]
    return table.groupby(keys)[list(QUANTITIES)].mean().reset_index()


def relative_table(frame: "pd.DataFrame", column: str, reference: object) -> "pd.DataFrame":
    """Workload and network down, values of `column` across: ready time ÷ that of the value `reference`."""
    keys = ["workload", RATE, RTT]
    wide = frame.pivot_table(index=keys, columns=column, values="total_s", aggfunc="mean")
    ordered = wide[sorted(wide.columns, key=X_SCALES[column])]
    return ordered.div(ordered[reference], axis=0)


def draw_layouts(frame: "pd.DataFrame", column: str, *, what: str) -> "Figure":
    """Three rows of panels, one a quantity, and a column a workload. what: the preset and settings held, in words."""
    parts = panels_of(frame)
    networks = _networks(frame)
    with style.look():
        figure, panels = style.panels(len(QUANTITIES) * len(parts), columns=len(parts), panel_height=2.5)
        for number, axes in enumerate(panels):
            quantity = list(QUANTITIES)[number // len(parts)]
            title, rows = list(parts.items())[number % len(parts)]
            points = layout_table(rows, column)
            for (rate, rtt), look in networks.items():
                line = points[(points[RATE] == rate) & (points[RTT] == rtt)]
                axes.plot(line["x"], line[quantity] * QUANTITIES[quantity][1], **look)
            _scales(axes, column, quantity)
            if number < len(parts):
                axes.set_title(title, fontsize=9)
            if number % len(parts) == 0:
                axes.set_ylabel(QUANTITIES[quantity][0])
        style.legend_above(figure, [look["label"] for look in networks.values()])
        figure.supxlabel(f"{X_LABELS[column]}; {what}", fontsize=9.5)
    return figure


def _networks(frame: "pd.DataFrame") -> dict[tuple[float, float], dict[str, Any]]:
    """How the line of each network is drawn: colour by round trip, dashes and marker by rate."""
    rates, rtts = sorted(frame[RATE].unique()), sorted(frame[RTT].unique())
    return {
        (rate, rtt): {
            "color": NETWORK_COLOURS[column % len(NETWORK_COLOURS)],
            "ls": RATE_DASHES[row % len(RATE_DASHES)],
            "marker": RATE_MARKERS[row % len(RATE_MARKERS)],
            "ms": 3.0,
            "lw": 1.2,
            "label": f"{format_rate(rate)}, {format_duration(rtt)}",
        }
        for row, rate in enumerate(rates)
        for column, rtt in enumerate(rtts)
    }


def _scales(axes: "Axes", column: str, quantity: str) -> None:
    if column == CHUNK_SIZE:
        axes.set_xscale("log", base=2)
        axes.set_xticks([64, 512, 4096], ["64", "512", "4096"])
        axes.xaxis.set_minor_locator(NullLocator())
    if quantity == "total_s":
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    else:
        axes.set_ylim(0, 1.08 * axes.dataLim.y1)

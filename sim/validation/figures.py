"""The figures of a validation, in the look of the report: measured along x, simulated along y, a dot a cell."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from sim.report import style
from sim.validation.comparison import ERROR_WITHIN, CellRow, Comparison

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WORKLOAD_MARKERS = "osD^vP*X"
BAND, EQUAL, MISSED = f"within {100 * ERROR_WITHIN:.0f} %", "equal", "missed cell (hollow)"
MEASURED_RANGE = "range of the measured runs"
ERROR_LABEL = "error of the simulated total (%): simulated ÷ measured − 1"
ROW_INCHES = 0.165
_BAND_COLOUR, _RANGE_COLOUR = "#dfeaf3", "#9aa4af"


def label(comparison: Comparison) -> str:
    """What has to stand below every figure of these runs."""
    return "SYNTHETIC: not all of these runs are of recorded and measured things" if comparison.synthetic else ""


def draw_totals(rows: Sequence[CellRow], *, note: str = "") -> "Figure":
    """Total times of all cells, and their errors against the measured total; bars from smallest to largest run."""
    with style.look():
        figure, (left, right) = style.panels(2, panel_height=4.6)
        _scatter(left, rows)
        left.set(xlabel="measured total (s)", ylabel="simulated total (s)")
        _errors(right, rows)
        _legend(figure, left, rows)
        _note(figure, note)
    return figure


def draw_phases(phases: dict[str, Sequence[CellRow]], *, note: str = "") -> "Figure":
    """One panel a phase, as `draw_totals`; each panel has its own scales."""
    with style.look():
        figure, panels = style.panels(len(phases), panel_height=4.2)
        for axes, (name, rows) in zip(panels, phases.items(), strict=True):
            _scatter(axes, rows)
            axes.set(title=name, xlabel=f"measured {name} (s)", ylabel=f"simulated {name} (s)")
        _legend(figure, panels[0], next(iter(phases.values())))
        _note(figure, note)
    return figure


def draw_errors(rows: Sequence[CellRow], *, note: str = "") -> "Figure":
    """The signed error of each cell's total, from the most too short to the most too long, beside the runs' range."""
    known = sorted((row for row in rows if row.error is not None), key=lambda row: row.error or 0.0)
    presets = _presets(rows)
    with style.look():
        figure, (axes,) = style.panels(1, panel_height=0.9 + ROW_INCHES * len(known))
        limit = 100 * ERROR_WITHIN
        axes.axvspan(-limit, limit, color=_BAND_COLOUR, lw=0, label=BAND)
        axes.axvline(0, color=style.MUTED, lw=0.9)
        for place, row in enumerate(known):
            _range_bar(axes, place, row)
            axes.plot(100 * (row.error or 0.0), place, ls="", **_dot(row, _workloads(rows), presets))
        axes.set_yticks(range(len(known)), [row.title for row in known], fontsize=7.5)
        axes.set_ylim(len(known) - 0.4, -0.6)
        axes.set_xlabel(ERROR_LABEL)
        axes.plot([], [], color=_RANGE_COLOUR, lw=3.2, label=MEASURED_RANGE)
        _keys(axes, rows)
        style.legend_above(figure, [*presets, *_workloads(rows), BAND, MEASURED_RANGE, MISSED])
        _note(figure, note)
    return figure


def _range_bar(axes: "Axes", place: int, row: CellRow) -> None:
    """How far the measured runs lie from their own median, in the same unit."""
    if row.measured_s and row.measured_min_s is not None and row.measured_max_s is not None:
        low, high = (100 * (value / row.measured_s - 1) for value in (row.measured_min_s, row.measured_max_s))
        axes.plot([low, high], [place, place], color=_RANGE_COLOUR, lw=3.2, solid_capstyle="butt", zorder=2)


def _errors(axes: "Axes", rows: Sequence[CellRow]) -> None:
    """Signed errors against the measured total."""
    limit = 100 * ERROR_WITHIN
    axes.axhspan(-limit, limit, color=_BAND_COLOUR, lw=0, zorder=0)
    axes.axhline(0, color=style.MUTED, lw=0.9, zorder=1)
    for row in rows:
        if row.error is not None:
            axes.plot([row.measured_s or 0.0], [100 * row.error], ls="", **_dot(row, _workloads(rows), _presets(rows)))
    axes.set(xscale="log", xlabel="measured total (s)", ylabel="error of the simulated total (%)")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_locator(NullLocator())


def _note(figure: "Figure", note: str) -> None:
    if note:
        figure.supxlabel(note, fontsize=9.5, color=style.INK, weight="bold")


def _scatter(axes: "Axes", rows: Sequence[CellRow]) -> None:
    known = [row for row in rows if (row.measured_s or 0) > 0 and (row.simulated_s or 0) > 0]
    if not known:
        axes.text(0.5, 0.5, "no cell has both", ha="center", transform=axes.transAxes)
        return
    values = [value for row in known for value in (row.measured_s or 1.0, row.simulated_s or 1.0)]
    low, high = min(values) / 1.25, max(values) * 1.25
    ends = [low, high]
    axes.fill_between(
        ends,
        [(1 - ERROR_WITHIN) * end for end in ends],
        [(1 + ERROR_WITHIN) * end for end in ends],
        color=_BAND_COLOUR,
        lw=0,
        zorder=0,
    )
    axes.plot(ends, ends, color=style.MUTED, lw=0.9, zorder=1)
    for row in known:
        _point(axes, row, known)
    axes.set(xscale="log", yscale="log", xlim=(low, high), ylim=(low, high))
    axes.set_aspect("equal")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=_steps(high / low)))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def _point(axes: "Axes", row: CellRow, rows: Sequence[CellRow]) -> None:
    dot = _dot(row, _workloads(rows), _presets(rows))
    axes.errorbar(
        [row.measured_s or 0.0],
        [row.simulated_s or 0.0],
        xerr=_around(row.measured_s, row.measured_min_s, row.measured_max_s),
        yerr=_around(row.simulated_s, row.simulated_min_s, row.simulated_max_s),
        fmt="none",
        ecolor=dot["color"],
        elinewidth=0.9,
        zorder=2,
    )
    axes.plot([row.measured_s or 0.0], [row.simulated_s or 0.0], ls="", zorder=3, **dot)


def _dot(row: CellRow, workloads: Sequence[str], presets: Sequence[str]) -> dict[str, Any]:
    colour = style.colour(row.strategy, presets)
    return {
        "color": colour,
        "marker": WORKLOAD_MARKERS[workloads.index(row.workload) % len(WORKLOAD_MARKERS)],
        "ms": 5.5,
        "mfc": colour if row.resolved else style.PAPER,
    }


def _legend(figure: "Figure", axes: "Axes", rows: Sequence[CellRow]) -> None:
    _keys(axes, rows)
    axes.plot([], [], color=style.MUTED, lw=0.9, label=EQUAL)
    axes.fill_between([], [], color=_BAND_COLOUR, lw=0, label=BAND)
    style.legend_above(figure, [*_presets(rows), *_workloads(rows), EQUAL, BAND, MISSED])


def _keys(axes: "Axes", rows: Sequence[CellRow]) -> None:
    """What colours and markers mean, as entries of the legend."""
    presets, workloads = _presets(rows), _workloads(rows)
    for preset in presets:
        axes.plot([], [], "-", color=style.colour(preset, presets), lw=5, solid_capstyle="butt", label=preset)
    for place, workload in enumerate(workloads):
        marker = WORKLOAD_MARKERS[place % len(WORKLOAD_MARKERS)]
        axes.plot([], [], ls="", marker=marker, color=style.MUTED, ms=5.5, label=workload)
    if any(not row.resolved for row in rows):
        axes.plot([], [], ls="", marker="o", color=style.MUTED, mfc=style.PAPER, ms=5.5, label=MISSED)


def _around(middle: float | None, low: float | None, high: float | None) -> list[list[float]]:
    if middle is None or low is None or high is None:
        return [[0.0], [0.0]]
    return [[middle - low], [high - middle]]


def _steps(span: float) -> tuple[float, ...]:
    """Which multiples of the decades get a tick."""
    return (1.0, 2.0, 5.0) if math.log10(span) < 2.2 else (1.0,)


def _workloads(rows: Sequence[CellRow]) -> list[str]:
    return sorted({row.workload for row in rows})


def _presets(rows: Sequence[CellRow]) -> list[str]:
    return style.in_order([row.strategy for row in rows])

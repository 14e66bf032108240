"""What an experiment varied: the axes of its grid, its reference cell and the slices through that cell."""

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sim.core.manifest import SUMMARY_KEYS
from sim.core.units import format_duration, format_rate, format_size

if TYPE_CHECKING:
    import pandas as pd

RATE = "network.rate_bytes_s"
RTT = "network.rtt_s"
SIZE = "image.total_bytes"
LAYERS = "image.layers"
READ_SHARE = "image.read_share"
PREFERRED = {RATE: 12.5e6, RTT: 0.02}  # 100 Mbit/s and 20 ms: the reference network where it was run
_WRITTEN = frozenset({"network.rate", "network.rtt"})  # the same values as the config has them
_OWN_COLUMNS = frozenset({"experiment", "run", "workload", "strategy", "source", "status", "synthetic", "replicate"})


@dataclass(frozen=True, slots=True)
class Axis:
    """A column of the runs table that a figure can have along x.

    noun: what it is, for sentences; label: for the axis, with the unit that value × scale is in;
    said: how a value is said among others.
    """

    column: str
    noun: str
    label: str
    scale: float
    format: Callable[[float], str]
    said: str = "{}"


def _layers(value: float) -> str:
    return f"{value:.0f} layer{'' if value == 1 else 's'}"


AXES: tuple[Axis, ...] = (
    Axis(RATE, "rate", "link rate (Mbit/s)", 8e-6, format_rate),
    Axis(RTT, "round trip", "round trip (ms)", 1e3, format_duration, "{} round trip"),
    Axis(SIZE, "image size", "image size, compressed (MB)", 1e-6, format_size, "{} image"),
    Axis(LAYERS, "layers", "number of layers", 1.0, _layers),
    Axis(READ_SHARE, "share read", "share of the image read (%)", 100.0, lambda value: f"{100 * value:.3g} % read"),
)
_BY_COLUMN = {axis.column: axis for axis in AXES}


def varied(frame: "pd.DataFrame") -> list[str]:
    """Config columns that differ within one workload under one strategy; axes first, in their order."""
    without = {*SUMMARY_KEYS, *_OWN_COLUMNS, *_WRITTEN}
    known = [name for name in _BY_COLUMN if name in frame]
    others = [name for name in frame.columns if name not in without and name not in _BY_COLUMN]
    groups = frame.groupby(["workload", "strategy"])
    kinds = {name: groups[name].nunique(dropna=False).max() for name in [*known, *others]}
    return [name for name, most in kinds.items() if most > 1]


def varied_axes(frame: "pd.DataFrame") -> list[Axis]:
    """The axes among `varied`."""
    return [_BY_COLUMN[name] for name in varied(frame) if name in _BY_COLUMN]


def reference(frame: "pd.DataFrame") -> dict[str, Any]:
    """The cell that figures of one cell show: value by varied column.

    100 Mbit/s and 20 ms where they were run; otherwise the value most runs have, and among equals the middle one.
    Where no run has all of these together: the commonest combination.
    """
    columns = varied(frame)
    cell = {name: _usual(frame[name], PREFERRED.get(name)) for name in columns}
    if columns and at(frame, cell).empty:
        cell = _cell_of(columns, frame.groupby(columns, dropna=False).size().idxmax())
    return cell


def at(frame: "pd.DataFrame", cell: Mapping[str, Any], *, free: Collection[str] = ()) -> "pd.DataFrame":
    """Rows of that cell; columns in `free` may have any value."""
    for name, value in cell.items():
        if name not in free:
            frame = frame[frame[name].isna() if _missing(value) else frame[name] == value]
    return frame


def slice_along(frame: "pd.DataFrame", axis: Axis, cell: Mapping[str, Any]) -> tuple["pd.DataFrame", dict[str, Any]]:
    """Rows that differ along `axis` alone, and where the other axes are held.

    Through `cell`; where the experiment did not vary the axis there, through the values at which it has most points.
    """
    held = {name: value for name, value in cell.items() if name != axis.column}
    rows = at(frame, held)
    if differ(rows[axis.column]) or not held:
        return rows, held
    widest = frame.groupby(list(held), dropna=False)[axis.column].nunique().idxmax()
    held = _cell_of(list(held), widest)
    return at(frame, held), held


def describe(cell: Mapping[str, Any]) -> str:
    """A cell in words: "100 Mbit/s, 20 ms round trip"."""
    parts = []
    for name, value in cell.items():
        axis = _BY_COLUMN.get(name)
        if _missing(value):
            parts.append(f"{heading(name)} as recorded")
        else:
            parts.append(axis.said.format(axis.format(value)) if axis else f"{name} = {value}")
    return ", ".join(parts)


def say(column: str, value: Any) -> str:
    """One value under the heading of its column."""
    axis = _BY_COLUMN.get(column)
    return axis.format(value) if axis else str(value)


def heading(column: str) -> str:
    """What a varied column is called in a table."""
    axis = _BY_COLUMN.get(column)
    return axis.noun if axis else column


def differ(values: "pd.Series[Any]") -> bool:
    """Whether a column holds more than one value, missing ones apart."""
    return len(values.dropna().unique()) > 1


def _missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _cell_of(columns: list[str], key: Any) -> dict[str, Any]:
    """A group's key as a cell; pandas gives a scalar for one column."""
    return dict(zip(columns, key if len(columns) > 1 else (key,), strict=True))


def _usual(values: "pd.Series[Any]", preferred: float | None) -> Any:
    counts = values.value_counts(dropna=False)
    if preferred in counts.index:
        return preferred
    commonest = counts[counts == counts.max()].index.sort_values()
    return commonest[(len(commonest) - 1) // 2]

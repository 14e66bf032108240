"""Runs as people read them: which of a large matrix to show, and one line each."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from sim.cli.table import format_table
from sim.core.units import format_duration, format_rate, format_size

MOST_ROWS = 50
HEADER = (
    "workload",
    "preset",
    "network",
    "pull",
    "create",
    "start",
    "ready",
    "total",
    "fetched MB",
    "requests",
    "× best",
)
IMAGE_HEADER = "image"
LEFT = 3
USUAL: dict[str, Any] = {"network.rate_bytes_s": 12.5e6, "network.rtt_s": 0.02}  # 100 Mbit/s, 20 ms
_WRITTEN = frozenset({"network.rate", "network.rtt"})  # text beside the numbers
_PHASES = ("pull_s", "create_s", "start_s", "ready_s", "total_s")
Row = dict[str, Any]


def reference_slice(rows: Sequence[Row], most: int = MOST_ROWS) -> list[Row]:
    """All rows if they are few; else those of one middle cell of everything varied but workload and strategy."""
    shown = list(rows)
    for name in _varied(rows):
        if len(shown) <= most:
            break
        value = _usual(name, [row[name] for row in shown])
        shown = [row for row in shown if row[name] == value]
    return shown[:most]


def runs_text(rows: Sequence[Row]) -> str:
    """A table of runs, seconds unless the header says otherwise."""
    padded = any(row.get("image.total_bytes") is not None for row in rows)
    left = LEFT + padded
    header = (*HEADER[:LEFT], *([IMAGE_HEADER] if padded else []), *HEADER[LEFT:])
    return format_table(header, [_cells(row, padded) for row in rows], left=left)


def _varied(rows: Sequence[Row]) -> list[str]:
    names = [name for name in (rows[0] if rows else ()) if "." in name or name == "replicate"]
    return [name for name in names if name not in _WRITTEN and len({row[name] for row in rows}) > 1]


def _usual(name: str, values: list[Any]) -> Any:
    """The usual value where it was run, else the commonest, among equals the middle one."""
    if name in USUAL and USUAL[name] in values:
        return USUAL[name]
    counts = Counter(values)
    commonest = [value for value, count in counts.items() if count == max(counts.values())]
    if None in commonest:
        return None
    return sorted(commonest)[(len(commonest) - 1) // 2]


def _cells(row: Row, padded: bool) -> list[str]:
    network = f"{format_rate(row['network.rate_bytes_s'])}, {format_duration(row['network.rtt_s'])}"
    names = [row["workload"], row["strategy"], network, *([_image(row)] if padded else [])]
    if row["status"] != "done":
        return [*names, *["failed"] * (len(HEADER) - LEFT)]
    best = row["clairvoyant_total_s"]
    return [
        *names,
        *(_number(row[phase], 2) for phase in _PHASES),
        _number(row["fetched_bytes"], 1, 1e-6),
        _number(row["requests"], 0),
        _number(row["total_s"], 2, 1 / best) if best else "-",
    ]


def _image(row: Row) -> str:
    parts = []
    if row.get("image.total_bytes") is not None:
        parts.append(format_size(row["image.total_bytes"]))
    if row.get("image.layers") is not None:
        parts.append(f"{row['image.layers']:.0f} layers")
    if row.get("image.read_share") is not None:
        parts.append(f"{100 * row['image.read_share']:.3g} % read")
    return ", ".join(parts) or "as recorded"


def _number(value: float | None, digits: int, scale: float = 1.0) -> str:
    return "-" if value is None else f"{value * scale:.{digits}f}"

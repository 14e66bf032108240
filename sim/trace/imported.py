"""A trace from a list of accesses that some other tool wrote, labelled with what the list did not say.

The list is CSV with a heading: `path` and, where known, `offset`, `length` (bytes), `thread`, `start_s`, `end_s`.
"""

import csv
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from sim.core.errors import BadInput
from sim.core.trace import (
    MARKS_SCHEMA,
    NO_THREAD,
    OPERATIONS_SCHEMA,
    READY_MARK,
    THREADS_SCHEMA,
    WAITS_SCHEMA,
    Trace,
    TraceHeader,
)
from sim.core.units import NS_PER_S

COLUMNS = ("path", "offset", "length", "thread", "start_s", "end_s")
PAGE_SIZE = 4096  # bytes
MAX_READ = 128 << 10  # bytes the kernel asks for at once


@dataclass(frozen=True, slots=True)
class Place:
    """The layer a path is served from and its size in bytes."""

    layer: int
    size: int


@dataclass(frozen=True, slots=True)
class Access:
    """One line of the list, checked. length None: the whole file. Times None: not said."""

    path: str
    offset: int
    length: int | None
    thread: int
    start_s: float | None
    end_s: float | None


def read_accesses(file: Path) -> list[Access]:
    """Read and check the list. Raises `BadInput` with the number of the line."""
    try:
        with file.open(newline="", encoding="utf-8") as lines:
            reader = csv.DictReader(lines)
            unknown = set(reader.fieldnames or ()) - set(COLUMNS)
            if unknown or "path" not in (reader.fieldnames or ()):
                raise BadInput(f"{file}: the first line must name columns out of {', '.join(COLUMNS)}, path among them")
            accesses = [_access(row, f"{file}, line {reader.line_num}") for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadInput(f"{file}: not a readable CSV file ({error}); pass a list of accesses") from None
    if not accesses:
        raise BadInput(f"{file}: no accesses in it; pass a list with at least one")
    return accesses


def trace_of(
    accesses: Sequence[Access], *, find: Callable[[str], Place | None], content_id: str, workload: str, source: str
) -> Trace:
    """Make a trace; ready is the end of the last access.

    find: where a path of the merged image is served from, None if it is no file. source: what wrote the list.
    Header: `recorder.order` is "times" if every line has them, else "list": reads then follow one another in the
    list's order without gaps, and the trace is labelled synthetic. `recorder.whole_files` counts lines without
    a length, whose files are taken as read whole, which overstates the bytes, often several times.
    Raises `BadInput` for a path that is no file.
    """
    timed = all(access.start_s is not None for access in accesses)
    rows = [row for access in accesses for row in _reads(access, find, timed=timed)]
    rows.sort(key=lambda row: row["start_ns"])
    ready_ns = max(row["end_ns"] for row in rows) if rows else 0
    threads = {tid: row for row, tid in enumerate(sorted({access.thread for access in accesses}))}
    for row in rows:
        row["thread"] = threads[row["thread"]]
    whole_files = sum(access.length is None for access in accesses)
    order = "times" if timed else "list"
    header = TraceHeader(
        workload=workload,
        content_id=content_id,
        command=(),
        readiness="exit",
        read_delay_s=0.0,
        page_cache="unknown",
        events_lost=0,
        host={},
        recorder={"name": "import", "version": 1, "source": source, "order": order, "whole_files": whole_files},
        recorded_at=datetime.now(UTC).isoformat(timespec="seconds"),
        synthetic=not timed,
    )
    return Trace(
        header,
        pa.Table.from_pylist(rows, OPERATIONS_SCHEMA),
        pa.Table.from_pylist([_thread(tid) for tid in threads], THREADS_SCHEMA),
        WAITS_SCHEMA.empty_table(),
        pa.Table.from_pylist([{"name": READY_MARK, "at_ns": ready_ns}], MARKS_SCHEMA),
    )


def _reads(access: Access, find: Callable[[str], Place | None], *, timed: bool) -> Iterator[dict[str, Any]]:
    place = find(access.path)
    if place is None:
        raise BadInput(f"{access.path!r} is no file of this image; pass the tree the list was made on")
    first = access.offset // PAGE_SIZE * PAGE_SIZE
    last = place.size if access.length is None else min(access.offset + access.length, place.size)
    start_ns = _ns(access.start_s) if timed else 0
    end_ns = _ns(access.end_s) if timed else 0
    for offset in range(first, last, MAX_READ):
        length = -(-min(MAX_READ, last - offset) // PAGE_SIZE) * PAGE_SIZE
        yield {
            "thread": access.thread,
            "kind": "read",
            "path": access.path,
            "layer": place.layer,
            "offset": offset,
            "length": length,
            "start_ns": start_ns,
            "end_ns": end_ns,
            "copy_up": False,
        }


def _access(row: dict[str, str | None], where: str) -> Access:
    try:
        offset, thread = int(row.get("offset") or 0), int(row.get("thread") or 0)
        length = int(text) if (text := row.get("length")) else None
        start_s, end_s = (float(text) if (text := row.get(name)) else None for name in ("start_s", "end_s"))
    except ValueError as error:
        raise BadInput(f"{where}: {error}; offset, length, thread and times are numbers") from None
    path = (row["path"] or "").strip("/")
    negative = offset < 0 or (length or 0) < 0
    times_wrong = (start_s is None) != (end_s is None) or not 0 <= (start_s or 0) <= (end_s or 0) < math.inf
    if not path or negative or times_wrong:
        raise BadInput(f"{where}: needs a path, no negative number, and both times in order or none")
    return Access(path, offset, length, thread, start_s, end_s)


def _ns(seconds: float | None) -> int:
    return round((seconds or 0.0) * NS_PER_S)


def _thread(tid: int) -> dict[str, Any]:
    return {"tid": tid, "process": tid, "parent": NO_THREAD, "program": "", "birth_ns": None, "end_ns": None}

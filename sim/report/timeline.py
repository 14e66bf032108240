"""A timeline of runs as Chrome trace events, which Perfetto (ui.perfetto.dev) and chrome://tracing load.

Format: Google, "Trace Event Format": complete events "X" with `ts` and `dur` in microseconds; events of one
track (pid, tid) must nest, so whatever overlaps gets a track of its own.
"""

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import msgspec

from sim.report.cells import PHASES

if TYPE_CHECKING:
    from sim.core.store import StoredRun

Event = dict[str, Any]
Row = Mapping[str, Any]
NS_PER_S = 1_000_000_000


def timeline(runs: Mapping[str, "StoredRun"]) -> bytes:
    """Title → run, as one JSON document; a process a run and node, a track a slot."""
    processes = [process for title, run in runs.items() for process in run_events(title, run)]
    events = [{**event, "pid": pid} for pid, process in enumerate(processes, start=1) for event in process]
    return msgspec.json.encode({"displayTimeUnit": "ms", "traceEvents": events})


def run_events(title: str, run: "StoredRun") -> Iterator[list[Event]]:
    """The events of each of a run's nodes, without `pid`: phases, then requests, then spans by kind."""
    spans, requests = run.spans.to_pylist(), run.requests.to_pylist()
    nodes = sorted({row["node"] for row in (*spans, *requests)}) or [0]
    for node in nodes:
        tracks: list[tuple[str, list[Event]]] = [("phases", _phases(title, run.summary))]
        tracks += _tracks("fetch", [row for row in requests if row["node"] == node], _request)
        for kind in sorted({row["kind"] for row in spans if row["kind"] not in PHASES}):
            rows = [row for row in spans if row["node"] == node and row["kind"] == kind]
            tracks += _tracks(kind, rows, _span)
        yield list(_named(title if len(nodes) == 1 else f"{title} · node {node}", tracks))


def slots(intervals: Sequence[tuple[int, int]]) -> list[int]:
    """A slot for each (start, end), in order of start: the lowest that is free. Intervals of one slot never overlap."""
    free: list[int] = []
    busy: list[tuple[int, int]] = []
    given = []
    for start, end in intervals:
        while busy and busy[0][0] <= start:
            heapq.heappush(free, heapq.heappop(busy)[1])
        slot = heapq.heappop(free) if free else len(busy)
        heapq.heappush(busy, (end, slot))
        given.append(slot)
    return given


def _tracks(kind: str, rows: list[Row], describe: Any) -> list[tuple[str, list[Event]]]:
    ordered = sorted(((_ns(row["start_s"]), _ns(row["end_s"]), row) for row in rows), key=lambda entry: entry[:2])
    taken = slots([(start, end) for start, end, _ in ordered])
    tracks: list[list[Event]] = [[] for _ in range(1 + max(taken, default=-1))]
    for slot, (start, end, row) in zip(taken, ordered, strict=True):
        name, args = describe(row)
        tracks[slot].append(_slice(name, kind, start, end, args))
    names = [kind] if len(tracks) == 1 else [f"{kind} {slot}" for slot in range(1, 1 + len(tracks))]
    return list(zip(names, tracks, strict=True))


def _phases(title: str, summary: Mapping[str, Any]) -> list[Event]:
    """The whole run as one slice, its four phases inside."""
    edges = [0]
    for phase in PHASES:
        edges.append(edges[-1] + _ns(summary.get(f"{phase}_s") or 0.0))
    parts = zip(PHASES, pairwise(edges), strict=True)
    inner = [_slice(phase, "phase", start, end, {}) for phase, (start, end) in parts]
    return [_slice(title, "run", 0, edges[-1], {}), *inner]


def _request(row: Row) -> tuple[str, dict[str, Any]]:
    args = {name: row[name] for name in ("blob", "bytes", "status", "connection", "ranges")}
    return str(row["cause"]), args


def _span(row: Row) -> tuple[str, dict[str, Any]]:
    args = {name: row[name] for name in ("path", "layer", "bytes", "requests", "waits_for", "critical")}
    shown = {name: value for name, value in args.items() if value is not None}
    return str(row["path"] or row["kind"]).rsplit("/", 1)[-1], shown


def _named(title: str, tracks: Iterable[tuple[str, list[Event]]]) -> Iterator[Event]:
    yield {"ph": "M", "name": "process_name", "args": {"name": title}}
    for tid, (name, events) in enumerate(tracks, start=1):
        yield {"ph": "M", "name": "thread_name", "tid": tid, "args": {"name": name}}
        yield {"ph": "M", "name": "thread_sort_index", "tid": tid, "args": {"sort_index": tid}}
        yield from ({**event, "tid": tid} for event in events)


def _slice(name: str, category: str, start_ns: int, end_ns: int, args: Mapping[str, Any]) -> Event:
    times = {"ts": start_ns / 1000, "dur": (end_ns - start_ns) / 1000}
    return {"ph": "X", "name": name, "cat": category, **times, "args": dict(args)}


def _ns(seconds: float) -> int:
    """Whole nanoseconds: slices that touch in seconds touch here too."""
    return round(seconds * NS_PER_S)

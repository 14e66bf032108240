"""Small traces made by hand."""

from dataclasses import replace

import pyarrow as pa

from sim.core.trace import MARKS_SCHEMA, OPERATIONS_SCHEMA, THREADS_SCHEMA, WAITS_SCHEMA, Trace, TraceHeader

HEADER = TraceHeader(
    workload="made",
    content_id="sha256:0",
    command=("true",),
    readiness="exit",
    read_delay_s=0.005,
    page_cache="cold",
    events_lost=0,
    host={},
    recorder={"name": "hand", "version": 1},
    recorded_at="2026-01-01T00:00:00+00:00",
    synthetic=True,
)
MS = 1_000_000


def operation(kind, start_ms, end_ms, **fields):
    """One row; times in milliseconds."""
    plain = {"thread": 0, "kind": kind, "path": "usr/f", "layer": 0, "offset": 0, "length": 0, "copy_up": False}
    return plain | {"start_ns": int(start_ms * MS), "end_ns": int(end_ms * MS)} | fields


def made_trace(operations, ready_ms, *, header=None, threads=1, marks=()):
    """Put the rows together."""
    thread = {"tid": 7, "process": 7, "parent": -1, "program": "true", "birth_ns": 0, "end_ns": None}
    named = [("ready", ready_ms), *marks]
    return Trace(
        replace(HEADER, **(header or {})),
        pa.Table.from_pylist(operations, OPERATIONS_SCHEMA),
        pa.Table.from_pylist([thread] * threads, THREADS_SCHEMA),
        WAITS_SCHEMA.empty_table(),
        pa.Table.from_pylist([{"name": name, "at_ns": int(at * MS)} for name, at in named], MARKS_SCHEMA),
    )

"""A trace that goes on reading synthetic files before it is ready, labelled synthetic."""

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sim.core.bundle import column
from sim.core.trace import OPERATIONS_SCHEMA, Trace
from sim.core.units import NS_PER_S
from sim.experiment.padding import Padding

READ_SIZE = 128 << 10  # bytes: the most the kernel asks a FUSE file system for at once
LEAST_READ_NS = 1_000  # an undelayed read: operations of no length have no order among themselves


def pad_trace(trace: Trace, padding: Padding) -> Trace:
    """Read the padding's chosen files after all that was recorded before ready: one thread, no time to think.

    Each read lasts as long as the recorder delayed one; the ready mark and all after it move back by their sum.
    """
    header = replace(trace.header, content_id=padding.content_id, synthetic=True)
    if len(padding.read) == 0:
        return replace(trace, header=header)
    ready = trace.ready_ns
    reads, lasted_ns = _reads(trace, padding, ready)
    start = column(trace.operations, "start_ns")
    early, late = pa.array(start < ready), pa.array(start >= ready)
    operations = pa.concat_tables(
        [
            trace.operations.filter(early),
            reads,
            _moved(trace.operations.filter(late), ("start_ns", "end_ns"), ready, lasted_ns),
        ]
    )
    return Trace(
        header,
        operations=operations.unify_dictionaries().combine_chunks(),
        threads=_moved(trace.threads, ("birth_ns", "end_ns"), ready, lasted_ns),
        waits=_moved(trace.waits, ("start_ns", "end_ns"), ready, lasted_ns),
        marks=_moved(trace.marks, ("at_ns",), ready, lasted_ns),
    )


def _reads(trace: Trace, padding: Padding, ready_ns: int) -> tuple[pa.Table, int]:
    """One row a kernel read of the chosen files, and how long they all last; nanoseconds."""
    pieces = -(-padding.read_length // READ_SIZE)
    file = np.repeat(np.arange(len(pieces)), pieces)
    offset = (np.arange(len(file)) - np.repeat(np.cumsum(pieces) - pieces, pieces)) * READ_SIZE
    each_ns = max(LEAST_READ_NS, round(trace.header.read_delay_s * NS_PER_S))
    start = ready_ns + np.arange(len(file), dtype=np.int64) * each_ns
    names = padding.names()
    path = pa.DictionaryArray.from_arrays(
        pa.array(file.astype(np.int32)), pa.array([names[row] for row in padding.read.tolist()], pa.string())
    )
    columns: dict[str, Any] = {
        "thread": np.zeros(len(file), np.int32),
        "kind": pa.DictionaryArray.from_arrays(pa.array(np.zeros(len(file), np.int8)), pa.array(["read"])),
        "path": path,
        "layer": padding.layer[padding.read][file].astype(np.int32),
        "offset": offset,
        "length": np.minimum(READ_SIZE, padding.read_length[file] - offset),
        "start_ns": start,
        "end_ns": start + each_ns,
        "copy_up": np.zeros(len(file), np.bool_),
    }
    return pa.table(columns, schema=OPERATIONS_SCHEMA), len(file) * each_ns


def _moved(table: pa.Table, names: tuple[str, ...], from_ns: int, by_ns: int) -> pa.Table:
    """Times at or after `from_ns` later by `by_ns`; nulls stay."""
    for name in names:
        times = table.column(name)
        later = pc.if_else(pc.greater_equal(times, from_ns), pc.add(times, by_ns), times)
        table = table.set_column(table.schema.get_field_index(name), table.schema.field(name), later)
    return table

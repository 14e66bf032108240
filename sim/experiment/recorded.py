"""What a recorded image and trace are like: sizes of the files, how well they compress, how much is read."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sim.core.bundle import column
from sim.core.layout import Layout
from sim.core.trace import Trace
from sim.plan.reads import find_units, locate

IntColumn = np.ndarray[Any, np.dtype[np.int64]]
LANDMARK_NAME, NO_LANDMARK_NAME = ".prefetch.landmark", ".no.prefetch.landmark"  # entries that are no files


def regular_files(layout: Layout) -> tuple[IntColumn, IntColumn]:
    """Raw size and compressed size of every regular file with bytes, in order of `entries`.

    A unit that holds several files is shared out by their bytes in it.
    """
    entries = layout.entries
    ours = pc.and_(pc.equal(entries.column("kind").cast(pa.string()), "reg"), pc.greater(entries.column("size"), 0))
    ours = pc.and_(ours, pc.invert(pc.is_in(entries.column("path"), pa.array([LANDMARK_NAME, NO_LANDMARK_NAME]))))
    rows = np.flatnonzero(ours.to_numpy(zero_copy_only=False))
    unit = column(layout.extents, "unit")
    length = column(layout.extents, "length")
    whole = column(layout.units, "size")[unit] * (length / np.maximum(1, column(layout.units, "raw_size")[unit]))
    packed = np.bincount(column(layout.extents, "entry"), weights=whole, minlength=entries.num_rows)
    size = column(entries, "size").astype(np.int64)
    return size[rows], np.maximum(1, np.round(packed[rows])).astype(np.int64)


def read_bytes(trace: Trace, layout: Layout) -> int:
    """Raw bytes of the image's files that were read at least once, up to the ready mark."""
    operations = trace.operations
    kept = pc.and_(
        pc.equal(operations.column("kind").cast(pa.string()), "read"),
        pc.and_(
            pc.greater_equal(operations.column("layer"), 0), pc.less(operations.column("start_ns"), trace.ready_ns)
        ),
    )
    reads = operations.filter(kept).combine_chunks()
    if reads.num_rows == 0:
        return 0
    path = reads.column("path").unify_dictionaries().combine_chunks()
    layer, offset, length = (column(reads, name).astype(np.int64) for name in ("layer", "offset", "length"))
    found = find_units(locate(path, layer, layout), offset, length, layout)
    return _union(found.entry, found.offset, found.offset + found.length)


def _union(entry: IntColumn, start: IntColumn, end: IntColumn) -> int:
    """Bytes covered by ranges of files, overlaps counted once."""
    base = (1 + int(end.max())) * entry  # files one behind the other on one axis
    order = np.argsort(base + start, kind="stable")
    first, last = (base + start)[order], np.maximum.accumulate((base + end)[order])
    before = np.concatenate([[0], last[:-1]])
    return int(np.maximum(0, last - np.maximum(first, before)).sum())

"""Compile a trace against a layout: fold the reads that cannot miss, keep the steps that may have to fetch.

Whole columns at a time: every run of every node shares one `Program`, and tuning compiles hundreds of layouts.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from sim.core.bundle import column
from sim.core.errors import BadBundle, ContentMismatch
from sim.core.layout import Layout
from sim.core.program import HitCounts, Program
from sim.core.trace import Trace
from sim.core.units import NS_PER_S
from sim.plan.forest import BoolColumn, Forest, IntColumn
from sim.plan.order import predecessors
from sim.plan.reads import Reads, find_units, locate
from sim.plan.touches import may_miss, units_of

READ, LOOKUP, READDIR, CHANGE = range(4)
CLASS_OF_KIND = {
    "read": READ,
    "lookup": LOOKUP,
    "getattr": LOOKUP,
    "open": LOOKUP,
    "readlink": LOOKUP,
    "getxattr": LOOKUP,
    "readdir": READDIR,
    "write": CHANGE,
    "create": CHANGE,
    "rename": CHANGE,
    "unlink": CHANGE,
    "mkdir": CHANGE,
}


def compile_program(trace: Trace, layout: Layout) -> Program:
    """Compile `trace` against `layout`; what the columns mean is said at `Program`.

    Left out: operations that start after the last mark, and those the writable layer took (their time stays
    in the gaps). `read_bytes` and `copy_up_bytes` are disjoint and count what lies within the files.
    Raises `ContentMismatch` when the two are not of the same files, `BadBundle` when a read names a file
    the layout does not have or the operations are out of order.
    """
    _check_content(trace, layout)
    operations = _operations(trace)
    marks_ns = column(trace.marks, "at_ns")
    before = predecessors(operations.start_ns, operations.end_ns)
    before_mark = _last_ended(operations.end_ns, marks_ns)
    forest = Forest(before, before_mark)

    row = np.flatnonzero(operations.kind == READ)
    reads = _reads(operations, row, layout)
    chosen = np.flatnonzero(may_miss(row, reads, before[row], forest, layout.units.num_rows))
    step = row[chosen]
    length = _scatter(reads.length, row, len(before))
    until = np.concatenate([before[step], before_mark])
    ways = _ways(operations, forest, length=length, step=step, before=before, until=until)
    starts = np.concatenate([operations.start_ns[step], marks_ns])
    gap_s = (ways.gap_ns + starts - ways.left_ns) / NS_PER_S
    unit_start, units = units_of(reads, chosen)
    of_steps, of_marks = slice(len(step)), slice(len(step), None)
    return Program(
        anchor=ways.anchor[of_steps],
        gap_s=gap_s[of_steps],
        hits=ways.hits(of_steps),
        entry=reads.entry[chosen],
        offset=reads.offset[chosen],
        length=reads.length[chosen],
        unit_start=unit_start,
        units=units,
        copy_up=operations.copy_up[step],
        mark_names=tuple(trace.marks.column("name").to_pylist()),
        mark_anchor=ways.anchor[of_marks],
        mark_gap_s=gap_s[of_marks],
        mark_hits=ways.hits(of_marks),
        operations=len(before),
        read_bytes=int(length.sum() - length[operations.copy_up].sum()),
        copy_up_bytes=int(length[operations.copy_up].sum()),
    )


@dataclass(frozen=True, slots=True)
class _Operations:
    """The operations that count, as columns."""

    table: pa.Table
    kind: IntColumn
    start_ns: IntColumn
    end_ns: IntColumn
    copy_up: BoolColumn


@dataclass(frozen=True, slots=True)
class _Ways:
    """The ways from the nearest step before to some rows, these included: gaps and hits on each.

    left_ns: when the row itself ended, 0 for the root: what follows it adds its own gap from there.
    """

    anchor: IntColumn
    gap_ns: IntColumn
    left_ns: IntColumn
    counts: tuple[IntColumn, ...]

    def hits(self, which: slice) -> HitCounts:
        return HitCounts(*(count[which] for count in self.counts))


def _ways(
    operations: _Operations,
    forest: Forest,
    *,
    length: IntColumn,
    step: IntColumn,
    before: IntColumn,
    until: IntColumn,
) -> _Ways:
    ended = np.append(operations.end_ns, 0)  # so that row −1, the root, ended at 0
    is_step = np.zeros(len(before), dtype=np.bool_)
    is_step[step] = True
    hit = (operations.kind == READ) & ~is_step
    weights = [
        operations.start_ns - ended[before],
        hit,
        length * hit,
        operations.kind == LOOKUP,
        operations.kind == READDIR,
    ]
    step_row = forest.nearest(is_step, until)
    both = np.concatenate([until, step_row])
    gap, *counts = (sums[: len(until)] - sums[len(until) :] for sums in forest.path_sums(weights, both))
    anchor = np.append(np.cumsum(is_step) - 1, -1)[step_row]
    return _Ways(anchor, gap, ended[until], tuple(counts))


def _scatter(values: IntColumn, at: IntColumn, size: int) -> IntColumn:
    out = np.zeros(size, dtype=np.int64)
    out[at] = values
    return out


def _check_content(trace: Trace, layout: Layout) -> None:
    ours, theirs = trace.header.content_id, layout.content_id
    if ours != theirs:
        raise ContentMismatch(
            f"the trace of {trace.header.workload} was recorded on content {_short(ours)} but the {layout.format} "
            f"layout has {_short(theirs)}: they are not the same files; run `lazypull catalog build "
            f"{trace.header.workload}` or pass a layout of the recorded image"
        )


def _short(content_id: str) -> str:
    return f"{content_id.removeprefix('sha256:')[:8]}…"


def _operations(trace: Trace) -> _Operations:
    """Operations of lower layers that start not after the last mark."""
    table = trace.operations.combine_chunks()
    kinds = _dictionary(table, "kind")
    names = kinds.dictionary.to_pylist()
    unknown = sorted(set(names) - CLASS_OF_KIND.keys())
    if unknown:
        raise BadBundle(f"trace of {trace.header.workload}: unknown operation {unknown[0]!r}; update lazypull")
    classes = np.array([CLASS_OF_KIND[name] for name in names], dtype=np.int8)
    kind = classes[kinds.indices.to_numpy(zero_copy_only=False)]
    start, end = column(table, "start_ns"), column(table, "end_ns")
    if np.any(start[1:] < start[:-1]) or np.any(end < start) or np.any(start[:1] < 0):
        raise BadBundle(
            f"trace of {trace.header.workload}: operations are out of order; run `lazypull trace check` on it"
        )
    keep = (column(table, "layer") >= 0) & (kind != CHANGE)
    if trace.marks.num_rows:
        keep &= start <= column(trace.marks, "at_ns").max()
    copy_up = column(table, "copy_up").astype(np.bool_)
    if keep.all():
        return _Operations(table, kind, start, end, copy_up)
    return _Operations(table.filter(pa.array(keep)), kind[keep], start[keep], end[keep], copy_up[keep])


def _dictionary(table: pa.Table, name: str) -> pa.DictionaryArray:
    return table.column(name).unify_dictionaries().combine_chunks()


def _last_ended(end_ns: IntColumn, at_ns: IntColumn) -> IntColumn:
    """Row that ended last, not after each time; −1 where none had."""
    by_end = np.argsort(end_ns, kind="stable")
    ended = np.searchsorted(end_ns, at_ns, side="right", sorter=by_end) - 1
    return np.append(by_end, -1)[ended]


def _reads(operations: _Operations, row: IntColumn, layout: Layout) -> Reads:
    table = operations.table
    path = _dictionary(table, "path").take(pa.array(row))
    layer, offset, length = (column(table, name)[row].astype(np.int64) for name in ("layer", "offset", "length"))
    return find_units(locate(path, layer, layout), offset, length, layout)

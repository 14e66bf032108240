"""`Program`: a trace compiled against a layout; read-only columns shared by all nodes and runs."""

from dataclasses import dataclass
from typing import Any

import numpy as np

IntColumn = np.ndarray[Any, np.dtype[np.int64]]
FloatColumn = np.ndarray[Any, np.dtype[np.float64]]

ROOT = -1  # anchor of a step that follows nothing but the start of the container


@dataclass(frozen=True, slots=True)
class HitCounts:
    """How many sure hits of each priced kind were folded into each step's gap; one column a kind, int64."""

    reads: IntColumn
    read_bytes: IntColumn
    lookups: IntColumn  # lookup, getattr, open, readlink, getxattr: metadata answered from the index
    readdirs: IntColumn


@dataclass(frozen=True, slots=True)
class Program:
    """What a replay must do.

    A *step* is an operation that may have to fetch: a read touching a unit that no ancestor of it in the
    order graph touched. Steps are in order of recorded start; anchors point backwards.

    anchor[k]      step after which k comes, or ROOT: the nearest ancestor that is a step itself
    gap_s[k]       recorded computing time between the anchor's end and k's start, operations on the way excluded
    hits           the sure hits on that way, by kind, to be priced by the host
    entry[k]       row in the layout's entries: the file k reads
    offset[k], length[k]   bytes of that file it reads, clipped to the file's size
    unit_start[k] : unit_start[k + 1]   slice of `units`: rows of the layout's units it needs, in file order
    copy_up[k]     the read is the overlay copying the file up
    marks          name, anchor, gap and hits of each mark (ready, step k) after its anchor, same meaning
    operations     how many recorded operations went in, hits included
    read_bytes     raw bytes the workload asked for, hits included
    copy_up_bytes  raw bytes the overlay read to copy files up, hits included
    """

    anchor: IntColumn
    gap_s: FloatColumn
    hits: HitCounts
    entry: IntColumn
    offset: IntColumn
    length: IntColumn
    unit_start: IntColumn
    units: IntColumn
    copy_up: np.ndarray[Any, np.dtype[np.bool_]]
    mark_names: tuple[str, ...]
    mark_anchor: IntColumn
    mark_gap_s: FloatColumn
    mark_hits: HitCounts
    operations: int
    read_bytes: int
    copy_up_bytes: int

    @property
    def steps(self) -> int:
        """Number of steps."""
        return len(self.anchor)


def step_units(program: Program, step: int) -> list[int]:
    """Rows of the units one step needs, in file order."""
    first, last = program.unit_start[step : step + 2]
    units: list[int] = program.units[first:last].tolist()
    return units

"""What recording adds to a start: the way of each operation to the recorder and back, which the gaps of a trace hold.

Learnt from the same start without a recorder, on local files: the gaps along the chain that leads to ready, less one
way for each operation in them, must come to what that start took.
"""

from dataclasses import replace

import numpy as np

from sim.core.program import ROOT, FloatColumn, HitCounts, IntColumn, Program
from sim.core.trace import READY_MARK

MOST_WAY_S = 1e-3  # of one operation; two process switches take some 0.01 to 0.1 ms
HALVINGS = 60  # of the interval that holds the way: far below a nanosecond


def way_s(local: Program, plain_ready_s: float) -> float:
    """The way of one operation, seconds, from a recording on local files and the same start without a recorder.

    Negative where the plain start took longer: its writable layer lies on a disk that it waits for.
    """
    gaps, operations = _chain(local)
    low, high = -MOST_WAY_S, MOST_WAY_S
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if np.maximum(0.0, gaps - operations * middle).sum() > plain_ready_s:
            low = middle
        else:
            high = middle
    return low


def without_recorder(program: Program, way: float) -> Program:
    """The same program with one way for each operation taken out of the gaps; no gap falls below 0."""
    gap_s = program.gap_s - (1 + _operations(program.hits)) * way
    mark_gap_s = program.mark_gap_s - _operations(program.mark_hits) * way
    return replace(program, gap_s=np.maximum(0.0, gap_s), mark_gap_s=np.maximum(0.0, mark_gap_s))


def _chain(program: Program) -> tuple[FloatColumn, IntColumn]:
    """Gaps of the steps that lead to ready, and of the mark itself; how many operations each of them holds."""
    mark = program.mark_names.index(READY_MARK)
    steps = []
    at = int(program.mark_anchor[mark])
    while at != ROOT:
        steps.append(at)
        at = int(program.anchor[at])
    gaps = np.append(program.gap_s[steps], program.mark_gap_s[mark])
    operations = np.append(1 + _operations(program.hits)[steps], _operations(program.mark_hits)[mark])
    return gaps, operations


def _operations(hits: HitCounts) -> IntColumn:
    return np.asarray(hits.reads + hits.lookups + hits.readdirs, dtype=np.int64)

"""Recording a workload several times: wait for quiet, keep the run in the middle, and say how far the others were."""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from sim.core.errors import RunFailed
from sim.core.trace import MARKS_SCHEMA, READY_MARK, Trace
from sim.core.units import NS_PER_S

QUIET_LOAD = 0.7  # one-minute load average below which a two-core machine counts as quiet
POLL_S = 5.0


@dataclass(frozen=True, slots=True)
class Recorded:
    """Runs of one workload at one delay. kept: the run with the median ready time; second: the one nearest to it."""

    kept: Trace
    second: Trace | None
    ready_s: tuple[float, ...]
    load: tuple[float, ...]


def record_runs(record_once: Callable[[], Trace], runs: int, *, quiet_wait_s: float) -> Recorded:
    """Record `runs` times, each time after waiting up to `quiet_wait_s` for a quiet machine."""
    traces, loads = [], []
    for _ in range(runs):
        loads.append(wait_until_quiet(quiet_wait_s))
        traces.append(record_once())
    first, second = middle(traces)
    return Recorded(first, second, tuple(ready_s(trace) for trace in traces), tuple(loads))


def middle(traces: Sequence[Trace]) -> tuple[Trace, Trace | None]:
    """Return the run with the (lower) median ready time and the other run nearest to it."""
    ordered = sorted(traces, key=lambda trace: trace.ready_ns)
    kept = ordered[(len(ordered) - 1) // 2]
    others = [trace for trace in ordered if trace is not kept]
    near = min(others, key=lambda trace: abs(trace.ready_ns - kept.ready_ns), default=None)
    return kept, near


def ready_s(trace: Trace) -> float:
    """Seconds from the start of the first process until ready."""
    return trace.ready_ns / NS_PER_S


def ready_at(trace: Trace, mark: str, readiness: str) -> Trace:
    """Return the trace with its ready mark at the first `mark`: it was recorded on until a later one."""
    others = trace.marks.filter(pc.not_equal(trace.marks.column("name"), READY_MARK)).to_pylist()
    moved = [*others, {"name": READY_MARK, "at_ns": trace.mark_ns(mark)}]
    moved.sort(key=lambda row: row["at_ns"])
    marks = pa.Table.from_pylist(moved, MARKS_SCHEMA)
    return replace(trace, header=replace(trace.header, readiness=readiness), marks=marks)


def wait_until_quiet(at_most_s: float) -> float:
    """Wait until the load average is low or the time is up; return the load then."""
    until = time.monotonic() + at_most_s
    while os.getloadavg()[0] > QUIET_LOAD and time.monotonic() < until:
        time.sleep(POLL_S)
    return os.getloadavg()[0]


def spread(values: Sequence[float]) -> float:
    """(max − min) ÷ median of some ready times. Raises `RunFailed` when there are none."""
    if not values:
        raise RunFailed("no run was recorded; ask for at least one")
    ordered = sorted(values)
    return (ordered[-1] - ordered[0]) / ordered[(len(ordered) - 1) // 2]

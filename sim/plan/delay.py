"""What a recorded run would have taken had each read been delayed by another time. docs/model.md, "Replay"."""

import numpy as np

from sim.core.bundle import column
from sim.core.trace import READY_MARK, Trace
from sim.core.units import NS_PER_S
from sim.plan.order import IntColumn, predecessors


def predict_ready_s(trace: Trace, read_delay_s: float) -> float:
    """Seconds until ready, replayed with `read_delay_s` in place of the delay it was recorded with.

    Reads last that much longer or shorter (never less than nothing); every operation starts after its
    predecessor (`sim.plan.order`) plus the recorded gap, and so does the ready mark.
    """
    start_ns = column(trace.operations, "start_ns")
    end_ns = column(trace.operations, "end_ns")
    reads = np.asarray(trace.operations.column("kind").to_pandas() == "read")
    change_ns = round((read_delay_s - trace.header.read_delay_s) * NS_PER_S)
    return replay_until(start_ns, end_ns, np.where(reads, change_ns, 0), trace.mark_ns(READY_MARK)) / NS_PER_S


def replay_until(start_ns: IntColumn, end_ns: IntColumn, change_ns: IntColumn, at_ns: int) -> int:
    """When the moment recorded as `at_ns` comes if each operation lasts `change_ns` longer than recorded.

    start_ns, end_ns: recorded times in order of start; all in nanoseconds, on the trace's clock.
    """
    starts = np.append(start_ns, at_ns)
    before = predecessors(starts, np.append(end_ns, at_ns)).tolist()
    lasted = np.maximum(end_ns - start_ns + change_ns, 0).tolist()
    lasted.append(0)
    recorded_start, recorded_end = starts.tolist(), end_ns.tolist()
    ends: list[int] = []
    for row, predecessor in enumerate(before):
        gap = recorded_start[row] - (recorded_end[predecessor] if predecessor >= 0 else 0)
        begins = gap + (ends[predecessor] if predecessor >= 0 else 0)
        ends.append(begins + lasted[row])
    return ends[-1]

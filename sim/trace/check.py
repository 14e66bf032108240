"""Rules every trace must keep; docs/formats.md states them."""

from collections.abc import Iterator

import numpy as np

from sim.core.bundle import column
from sim.core.errors import BadBundle
from sim.core.trace import NO_THREAD, OPERATION_KINDS, READY_MARK, UPPER_LAYER, Trace


def check_trace(trace: Trace) -> None:
    """Raise `BadBundle` naming the first broken rule; a trace that lost events is refused too."""
    for complaint in complaints(trace):
        raise BadBundle(f"trace of {trace.header.workload}: {complaint}; record it again")


def complaints(trace: Trace) -> Iterator[str]:
    """Give every broken rule in a few words."""
    if not trace.header.whole:
        yield f"{trace.header.events_lost} events were lost while recording, it is not whole"
    if READY_MARK not in trace.marks.column("name").to_pylist():
        yield "no ready mark"
    yield from _operations(trace)
    for name in ("thread", "waker"):
        yield from _thread_numbers(trace, "waits", name)
    yield from _thread_numbers(trace, "threads", "parent")


def _operations(trace: Trace) -> Iterator[str]:
    operations = trace.operations
    numbers = {name: column(operations, name) for name in ("layer", "offset", "length", "start_ns", "end_ns")}
    if operations.num_rows == 0:
        yield "no operations"
        return
    if np.any(np.diff(numbers["start_ns"]) < 0):
        yield "operations are not in order of start"
    if np.any(numbers["end_ns"] < numbers["start_ns"]):
        yield "an operation ends before it starts"
    if np.any(numbers["start_ns"] < 0):
        yield "an operation starts before the first process"
    if np.any((numbers["offset"] < 0) | (numbers["length"] < 0)):
        yield "an operation has a negative offset or length"
    if np.any(numbers["layer"] < UPPER_LAYER):
        yield "an operation names a layer below the writable one"
    unknown = set(operations.column("kind").to_pylist()) - set(OPERATION_KINDS)
    if unknown:
        yield f"unknown kinds of operation {sorted(map(str, unknown))}"
    if any(_is_unclean(path) for path in operations.column("path").unique().to_pylist()):
        yield "an operation names a path that is absolute or not clean"
    yield from _thread_numbers(trace, "operations", "thread")


def _thread_numbers(trace: Trace, table: str, name: str) -> Iterator[str]:
    numbers = column(getattr(trace, table), name)
    if len(numbers) and (numbers.min() < NO_THREAD or numbers.max() >= trace.threads.num_rows):
        yield f"{table} name a {name} that is not in the threads"


def _is_unclean(path: str | None) -> bool:
    return path is None or (path != "" and any(part in ("", ".", "..") for part in path.split("/")))

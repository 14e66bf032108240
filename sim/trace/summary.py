"""A trace in a few numbers, and whether it can be relied on."""

from typing import Any

import msgspec
import pyarrow.compute as pc

from sim.core.bundle import column
from sim.core.trace import UPPER_LAYER, Trace
from sim.core.units import NS_PER_S


class TraceSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What `lazypull trace show` prints. Seconds from the first process's start; bytes as asked of the layers.

    files: distinct (layer, path) that were read. marks: name and seconds, in order of time.
    """

    workload: str
    content_id: str
    command: tuple[str, ...]
    readiness: str
    read_delay_s: float
    page_cache: str
    recorded_at: str
    synthetic: bool
    events_lost: int
    ready_s: float
    operations: dict[str, int]
    read_bytes: int
    copy_up_reads: int
    files: int
    layers: int
    threads: int
    processes: int
    marks: list[tuple[str, float]]


def summarise(trace: Trace) -> TraceSummary:
    """Count a trace. Raises `BadBundle` when it has no ready mark."""
    header, operations = trace.header, trace.operations
    kinds = pc.value_counts(operations.column("kind")).to_pylist()
    reads = operations.filter(pc.equal(operations.column("kind"), "read"))
    lowers = pc.unique(operations.column("layer").filter(pc.not_equal(operations.column("layer"), UPPER_LAYER)))
    return TraceSummary(
        workload=header.workload,
        content_id=header.content_id,
        command=header.command,
        readiness=header.readiness,
        read_delay_s=header.read_delay_s,
        page_cache=header.page_cache,
        recorded_at=header.recorded_at,
        synthetic=header.synthetic,
        events_lost=header.events_lost,
        ready_s=trace.ready_ns / NS_PER_S,
        operations={str(count["values"]): int(count["counts"]) for count in kinds},
        read_bytes=int(column(reads, "length").sum()),
        copy_up_reads=int(column(reads, "copy_up").sum()),
        files=len(set(zip(column(reads, "layer").tolist(), reads.column("path").to_pylist(), strict=True))),
        layers=len(lowers),
        threads=trace.threads.num_rows,
        processes=len(pc.unique(trace.threads.column("process"))),
        marks=[(str(mark["name"]), mark["at_ns"] / NS_PER_S) for mark in trace.marks.to_pylist()],
    )


def describe(summary: TraceSummary) -> str:
    """Give the summary as lines of text for a terminal."""
    rows: list[tuple[str, Any]] = [
        ("workload", summary.workload),
        ("command", " ".join(summary.command)),
        ("content", summary.content_id),
        ("recorded", f"{summary.recorded_at}, {summary.read_delay_s * 1000:g} ms a read, {summary.page_cache} cache"),
        ("ready", f"{summary.ready_s:.3f} s, when {summary.readiness} held"),
        ("operations", ", ".join(f"{count} {kind}" for kind, count in summary.operations.items())),
        ("read", f"{summary.read_bytes} bytes of {summary.files} files in {summary.layers} layers"),
        ("copied up", f"{summary.copy_up_reads} reads"),
        ("threads", f"{summary.threads} in {summary.processes} processes"),
        ("marks", ", ".join(f"{name} {at_s:.3f} s" for name, at_s in summary.marks)),
        ("lost", f"{summary.events_lost} events{'' if summary.events_lost == 0 else ': not whole, record it again'}"),
    ]
    if summary.synthetic:
        rows.insert(1, ("synthetic", "made up, not recorded"))
    return "\n".join(f"{name:<11}{value}" for name, value in rows)

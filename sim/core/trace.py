"""`Trace`: one recorded run of a workload, as the layers below the overlay saw it.

Clock: nanoseconds from the start of the container's first process, one monotonic clock for all tables.
Order: operations by (start_ns, row). docs/formats.md defines every column.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa

from sim.core.bundle import BundleKind, read_bundle, write_bundle
from sim.core.errors import BadBundle

OPERATION_KINDS: tuple[str, ...] = (
    "lookup",
    "getattr",
    "open",
    "read",
    "readdir",
    "readlink",
    "getxattr",
    "write",
    "create",
    "rename",
    "unlink",
    "mkdir",
)
READY_MARK = "ready"
NO_THREAD = -1  # the kernel asked on its own account (read-ahead without a known asker)
UPPER_LAYER = -1  # `layer` of an operation that the writable layer took

OPERATIONS_SCHEMA = pa.schema(
    [
        ("thread", pa.int32()),  # row number in threads, or NO_THREAD
        ("kind", pa.dictionary(pa.int8(), pa.string())),
        ("path", pa.dictionary(pa.int32(), pa.string())),  # clean, relative to the layer's root; root is ""
        ("layer", pa.int32()),  # lower layer that was asked (0 lowest), or UPPER_LAYER
        ("offset", pa.int64()),  # bytes; 0 where the kind has none
        ("length", pa.int64()),  # bytes asked; 0 where the kind has none
        ("start_ns", pa.int64()),
        ("end_ns", pa.int64()),
        ("copy_up", pa.bool_()),  # this read was the overlay's own, copying the file up
    ]
)
THREADS_SCHEMA = pa.schema(
    [
        ("tid", pa.int32()),
        ("process", pa.int32()),  # thread group
        ("parent", pa.int32()),  # row number of a thread of the parent process, or NO_THREAD
        ("program", pa.string()),
        ("birth_ns", pa.int64()),
        ("end_ns", pa.int64()),  # null where it was not observed
    ]
)
WAITS_SCHEMA = pa.schema(
    [
        ("thread", pa.int32()),
        ("start_ns", pa.int64()),
        ("end_ns", pa.int64()),
        ("cause", pa.dictionary(pa.int8(), pa.string())),
        ("waker", pa.int32()),  # row number in threads, or NO_THREAD
    ]
)
MARKS_SCHEMA = pa.schema([("name", pa.string()), ("at_ns", pa.int64())])
TRACE_KIND = BundleKind(
    "trace",
    1,
    {
        "operations": OPERATIONS_SCHEMA,
        "threads": THREADS_SCHEMA,
        "waits": WAITS_SCHEMA,
        "marks": MARKS_SCHEMA,
    },
)


OPTIONAL = ("synthetic", "plain_ready_s")  # of a header


@dataclass(frozen=True, eq=False)
class TraceHeader:
    """What a trace is of and how it was recorded.

    content_id: of the `Tree` the workload ran on.
    read_delay_s: what the recorder added to each read.
    page_cache: "cold" when it was dropped before the run.
    events_lost: operations the recorder saw but could not keep; `whole` only when 0.
    readiness: the rule that set the `ready` mark, as text ("exit", "tcp:5432", …).
    plain_ready_s: the same start on local files without a recorder, as long as it was measured, seconds.
    """

    workload: str
    content_id: str
    command: tuple[str, ...]
    readiness: str
    read_delay_s: float
    page_cache: str
    events_lost: int
    host: dict[str, Any]
    recorder: dict[str, Any]
    recorded_at: str
    synthetic: bool = False
    plain_ready_s: float | None = None

    @property
    def whole(self) -> bool:
        """Nothing was lost while recording."""
        return self.events_lost == 0


@dataclass(frozen=True, eq=False)
class Trace:
    """Header and four tables of one recorded run."""

    header: TraceHeader
    operations: pa.Table
    threads: pa.Table
    waits: pa.Table
    marks: pa.Table

    @cached_property
    def ready_ns(self) -> int:
        """When the readiness rule held; nanoseconds from the first process's start."""
        return self.mark_ns(READY_MARK)

    def mark_ns(self, name: str) -> int:
        """Time of the first mark of that name. Raises `BadBundle` when there is none."""
        for mark in self.marks.to_pylist():
            if mark["name"] == name:
                return int(mark["at_ns"])
        raise BadBundle(f"trace of {self.header.workload}: no mark {name!r}; record it again with a readiness rule")


def write_trace(path: Path, trace: Trace) -> None:
    """Write a trace bundle."""
    header = {name: getattr(trace.header, name) for name in TraceHeader.__dataclass_fields__} | {
        "command": list(trace.header.command)
    }
    write_bundle(path, TRACE_KIND, header, {name: getattr(trace, name) for name in TRACE_KIND.tables})


def read_trace(path: Path | str) -> Trace:
    """Read a trace bundle. Raises `BadBundle`."""
    header, tables = read_bundle(path, TRACE_KIND)
    missing = [name for name in TraceHeader.__dataclass_fields__ if name not in header and name not in OPTIONAL]
    if missing:
        raise BadBundle(f"{path}: trace header lacks {', '.join(missing)}; record it again")
    fields = {name: header[name] for name in TraceHeader.__dataclass_fields__ if name in header}
    fields["command"] = tuple(fields["command"])
    return Trace(TraceHeader(**fields), **tables)

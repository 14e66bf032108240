"""What the catalog tells of a workload: sizes, counts and recorded start times."""

from pathlib import Path

import msgspec

from sim.catalog.workloads import LAYOUT_FORMATS, layout_folder, recipe, workload
from sim.core.bundle import HEADER_FILE, column
from sim.core.layout import read_layout
from sim.core.trace import read_trace
from sim.core.tree import read_tree
from sim.core.units import NS_PER_S


class TraceFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One recording. steps: seconds of every mark beside `ready`."""

    ready_s: float
    read_delay_s: float
    operations: int
    reads: int
    read_bytes: int
    copy_up_bytes: int
    threads: int
    steps: dict[str, float]


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """One workload. sizes: compressed bytes by layout. Layouts and traces that are not there yet are left out."""

    name: str
    title: str
    command: tuple[str, ...]
    readiness: str
    content_id: str
    layers: int
    files: int
    raw_size: int
    sizes: dict[str, int]
    traces: dict[str, TraceFacts]


def facts(name: str) -> Facts:
    """Gather what is known of one workload. Raises `BadInput` when it is unknown, was never built or is damaged."""
    found, made = workload(name), recipe(name)
    tree = read_tree(found.tree)
    return Facts(
        name=name,
        title=made.title,
        command=made.command,
        readiness=made.readiness,
        content_id=found.content_id,
        layers=tree.layers,
        files=tree.files.num_rows,
        raw_size=int(column(tree.files, "size").sum()),
        sizes={kind: _compressed(path) for kind, path in _there(found.folder, LAYOUT_FORMATS)},
        traces={kind: trace_facts(path) for kind, path in found.traces.items() if (path / HEADER_FILE).exists()},
    )


def trace_facts(path: Path) -> TraceFacts:
    """Summarise one recording."""
    trace = read_trace(path)
    operations = trace.operations.select(["kind", "length", "copy_up"]).to_pylist()
    reads = [row for row in operations if row["kind"] == "read"]
    marks = {row["name"]: row["at_ns"] / NS_PER_S for row in trace.marks.to_pylist()}
    return TraceFacts(
        ready_s=marks.pop("ready"),
        read_delay_s=trace.header.read_delay_s,
        operations=len(operations),
        reads=len(reads),
        read_bytes=sum(row["length"] for row in reads),
        copy_up_bytes=sum(row["length"] for row in reads if row["copy_up"]),
        threads=trace.threads.num_rows,
        steps=marks,
    )


def _there(folder: Path, formats: tuple[str, ...]) -> list[tuple[str, Path]]:
    paths = [(name, layout_folder(folder, name)) for name in formats]
    return [(name, path) for name, path in paths if (path / HEADER_FILE).exists()]


def _compressed(path: Path) -> int:
    return int(column(read_layout(path).blobs, "size").sum())

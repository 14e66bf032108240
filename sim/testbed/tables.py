"""A measured run as the tables every run fills: the summary's keys, requests with causes, phases as spans. Pure."""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from sim.core.layout import Layout
from sim.core.result import REQUESTS_SCHEMA, SPANS_SCHEMA, STEPS_SCHEMA, SUMMARY_FIELDS, RunTables
from sim.testbed.cold_run import Measured
from sim.testbed.requests import Request

PROBE = [(0, 1)]  # the byte range a lazy client asks for to learn whether and where a layer is
NODE = 0


@dataclass(frozen=True, slots=True)
class Blob:
    """What a cause needs to know of a layer: where its index starts and how far its landmark reaches, bytes."""

    index_offset: int | None
    landmark_offset: int | None


def blobs_of(layout: Layout) -> dict[str, Blob]:
    """The layers of a layout by digest."""
    starts: dict[int, int] = {}
    for row in layout.index.select(["blob", "offset"]).to_pylist():
        starts[row["blob"]] = min(row["offset"], starts.get(row["blob"], row["offset"]))
    rows = layout.blobs.select(["digest", "landmark", "landmark_offset"]).to_pylist()
    return {
        row["digest"]: Blob(starts.get(number), row["landmark_offset"] if row["landmark"] == "prefetch" else None)
        for number, row in enumerate(rows)
    }


def run_tables(measured: Measured, layout: Layout, *, lazy: bool, prefetch: bool) -> RunTables:
    """The tables of one measured run; what was not measured is None in the summary, never 0."""
    blobs = blobs_of(layout)
    asked_s = measured.instants.asked
    causes = [cause(request, blobs, prefetch=prefetch) for request in measured.requests]
    table = _requests(measured.requests, causes, asked_s)
    summary = {**dict.fromkeys(SUMMARY_FIELDS), **_summary(measured, causes, layout)}
    cpu_s = {f"{daemon}_cpu_s": seconds for daemon, seconds in measured.cpu_s.items()}
    counts = {"requests": len(measured.requests), "lazy_mounts": measured.lazy_mounts, "lazy": lazy, **cpu_s}
    steps = pa.table(
        {"node": [NODE], "name": ["ready"], "at_s": [measured.instants.ready - asked_s]}, schema=STEPS_SCHEMA
    )
    return RunTables(summary, {}, _spans(measured, layout), table, steps, counts)


def cause(request: Request, blobs: Mapping[str, Blob], *, prefetch: bool) -> str:
    """Why a request was made, as far as its method, its place and its ranges tell. One of `REQUEST_CAUSES`."""
    if "/manifests/" in request.uri:
        return "manifest"
    blob = blobs.get(request.blob or "")
    if blob is None:
        return "config"
    if request.method == "HEAD" or request.ranges == PROBE:
        return "probe"
    return _range_cause(request.ranges, blob, prefetch=prefetch) if request.ranges else "layer"


def _range_cause(ranges: list[tuple[int, int]], blob: Blob, *, prefetch: bool) -> str:
    first, last = ranges[0][0], ranges[-1][1]
    if blob.index_offset is not None and last >= blob.index_offset:
        return "index"
    if prefetch and first == 0 and blob.landmark_offset is not None and last + 1 >= blob.landmark_offset:
        return "prefetch"
    return "foreground"


def _summary(measured: Measured, causes: Iterable[str], layout: Layout) -> dict[str, Any]:
    requests = measured.requests
    before = [request for request in requests if request.ended <= measured.instants.ready]
    prefetched = [request.bytes for request, why in zip(requests, causes, strict=True) if why == "prefetch"]
    return {
        **measured.phases_s(),
        "image_bytes": sum(layout.blobs.column("size").to_pylist()),
        "fetched_bytes": sum(request.bytes for request in before),
        "prefetched_bytes": sum(prefetched) if prefetched else None,
        "requests": len(before),
        "connections": len({request.connection for request in before}),
    }


def _requests(requests: list[Request], causes: list[str], asked_s: float) -> pa.Table:
    numbers = {connection: number for number, connection in enumerate(dict.fromkeys(r.connection for r in requests))}
    columns: dict[str, list[Any]] = {
        "node": [NODE] * len(requests),
        "start_s": [request.started - asked_s for request in requests],
        "end_s": [request.ended - asked_s for request in requests],
        "blob": [request.blob or request.uri.rpartition("/")[2] for request in requests],
        "ranges": [[list(pair) for pair in request.ranges] for request in requests],
        "bytes": [request.bytes for request in requests],
        "status": [request.status for request in requests],
        "cause": list(causes),
        "connection": [numbers[request.connection] for request in requests],
    }
    return pa.table(columns, schema=REQUESTS_SCHEMA).sort_by("start_s")


def _spans(measured: Measured, layout: Layout) -> pa.Table:
    """The four phases, whole layers as the registry sent them, and what the daemons logged of layers.

    Who waited for what is not seen on the real stack.
    """
    digests = layout.blobs.column("digest").to_pylist()
    asked_s = measured.instants.asked
    rows = [_span(kind, start_s, end_s) for kind, start_s, end_s in _phases(measured.phases_s())]
    for request in measured.requests:
        if request.blob in digests and request.method == "GET" and not request.ranges:
            layer = digests.index(request.blob)
            row = _span("download", request.started - asked_s, request.ended - asked_s, layer)
            rows.append({**row, "bytes": request.bytes, "requests": 1})
    mounted = itertools.count()  # layers are mounted in order
    for span in measured.spans:
        layer = next(mounted) if span.kind == "mount" else _position(span.layer, digests)
        rows.append(_span(span.kind, span.start - asked_s, span.end - asked_s, layer))
    return pa.Table.from_pylist(rows, schema=SPANS_SCHEMA).sort_by("start_s")


def _span(kind: str, start_s: float, end_s: float, layer: int = -1) -> dict[str, Any]:
    return {"kind": kind, "node": NODE, "start_s": start_s, "end_s": end_s, "layer": layer, "bytes": 0, "requests": 0}


def _position(layer: str | None, digests: list[str]) -> int:
    return digests.index(layer) if layer in digests else -1


def _phases(phases_s: Mapping[str, float]) -> Iterator[tuple[str, float, float]]:
    """Kind, start and end of the phases, one after the other."""
    start_s = 0.0
    for name in ("pull", "create", "start", "ready"):
        end_s = start_s + phases_s[f"{name}_s"]
        yield name, start_s, end_s
        start_s = end_s

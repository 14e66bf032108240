"""The result schema that the model and the real stack both fill. docs/results.md defines every column."""

from dataclasses import dataclass
from typing import Any

import pyarrow as pa

RESULT_SCHEMA_VERSION = 1

SUMMARY_FIELDS: dict[str, str] = {
    "pull_s": "request → the client says pulled",
    "create_s": "→ the container exists",
    "start_s": "→ first instruction of the workload",
    "ready_s": "→ its readiness rule holds",
    "total_s": "sum of the four",
    "image_bytes": "compressed size of all layers",
    "fetched_bytes": "request bodies until ready",
    "fetched_at_end_bytes": "request bodies until everything is quiet",
    "unique_bytes": "distinct blob, manifest and config bytes among the fetched ones",
    "needed_bytes": "compressed bytes of the units touched",
    "read_bytes": "raw bytes the workload asked for",
    "prefetched_bytes": "bodies of prefetch requests",
    "prefetched_unused_bytes": "of those, bytes no touched unit needed",
    "peer_bytes": "bodies that came from other nodes",
    "wire_bytes": "bytes on the registry link, headers and overhead included",
    "requests": "HTTP requests",
    "connections": "connections opened",
    "retries": "requests sent again",
    "read_amplification": "fetched ÷ needed",
    "stall_s": "sum over operations of the time beyond a hit",
    "stall_p50_s": "median stall of operations that stalled",
    "stall_p99_s": "99th percentile of the same",
    "unpack_cpu_s": "CPU time of unpacking",
    "inflate_cpu_s": "CPU time of keeping what arrives and of inflating and hashing chunks",
    "copyup_bytes": "bytes copied up by the overlay",
    "disk_bytes": "bytes the client wrote to disk",
    "clairvoyant_total_s": "the same cell under the clairvoyant preset",
}
SHARE_KINDS: tuple[str, ...] = (
    "rate",  # bytes on a busy link
    "round_trip",
    "registry",
    "unpack",
    "inflate",  # keeping what arrives; inflate, hash and cache write of chunks
    "fuse",  # operations answered without a fetch
    "prefetch_wait",
    "application",  # the workload's own time, container floors included
)
REQUEST_CAUSES: tuple[str, ...] = (
    "manifest",
    "config",
    "token",
    "probe",
    "index",
    "foreground",
    "prefetch",
    "background",
    "layer",
    "check",
    "peer",
)

SPANS_SCHEMA = pa.schema(
    [
        ("kind", pa.dictionary(pa.int8(), pa.string())),
        ("node", pa.int32()),
        ("start_s", pa.float64()),
        ("end_s", pa.float64()),
        ("layer", pa.int32()),  # −1 where it does not apply
        ("path", pa.string()),  # file it was for; null where it does not apply
        ("bytes", pa.int64()),
        ("requests", pa.int32()),
        ("waits_for", pa.dictionary(pa.int8(), pa.string())),  # a SHARE_KIND; null on the real stack
        ("critical", pa.bool_()),  # on the chain that ends at ready; null on the real stack
    ]
)
REQUESTS_SCHEMA = pa.schema(
    [
        ("node", pa.int32()),
        ("start_s", pa.float64()),
        ("end_s", pa.float64()),
        ("blob", pa.string()),  # digest, or the name of a manifest
        ("ranges", pa.list_(pa.list_(pa.int64(), 2))),  # first, last; empty = the whole
        ("bytes", pa.int64()),
        ("status", pa.int16()),
        ("cause", pa.dictionary(pa.int8(), pa.string())),
        ("connection", pa.int32()),
    ]
)
STEPS_SCHEMA = pa.schema([("node", pa.int32()), ("name", pa.string()), ("at_s", pa.float64())])


@dataclass(frozen=True, slots=True)
class RunTables:
    """What one run produced, before it is written.

    summary: every key of SUMMARY_FIELDS, None where it does not apply; seconds, bytes, counts.
    shares: seconds by SHARE_KINDS along the chain that ends at ready; they add up to total_s.
    """

    summary: dict[str, float | int | None]
    shares: dict[str, float]
    spans: pa.Table
    requests: pa.Table
    steps: pa.Table
    counts: dict[str, Any]

"""SYNTHETIC results folders, small enough that every expected value is arithmetic in the head."""

import hashlib
from pathlib import Path

import msgspec
import pyarrow as pa

from sim.core.manifest import Manifest
from sim.core.result import REQUESTS_SCHEMA, SPANS_SCHEMA, STEPS_SCHEMA, RunTables
from sim.core.store import write_run

HOST = {"kernel": "6.18", "cores": 2, "containerd": "2.3.0"}
HOST_DIGEST = "sha256:aa"
WINDOW_BYTES = 20  # of the registry's kernel
LAYER = "sha256:" + "1" * 8


def write(root: Path, workload, strategy, source, totals, *, rate="100 Mbit/s", rtt="20ms", first=0, **how) -> None:
    """One run a total; a total of None is a failed run. how: as `tables_of` has it, for all of them."""
    for replicate, total in enumerate(totals, start=first):
        manifest = manifest_of(workload, strategy, source, replicate, {"rate": rate, "rtt": rtt})
        if total is None:
            failed = msgspec.structs.replace(manifest, status="failed", error="/tmp/x/y: container ended with status 1")
            write_run(root, failed, None)
        else:
            write_run(root, manifest, tables_of(total, **how))


def manifest_of(workload, strategy, source, replicate, network) -> Manifest:
    key = hashlib.sha256(repr((workload, strategy, source, replicate, network)).encode()).hexdigest()
    real = {"host": HOST, "measured_at": f"2026-11-24T1{replicate}:00:00+00:00", "repetition": replicate}
    return Manifest(
        experiment="fake",
        key=key,
        key_parts={"host": HOST_DIGEST, "network": {"registry": {"window_bytes": WINDOW_BYTES}}},
        config={"network": network, "workload": workload, "strategy": strategy},
        workload=workload,
        strategy=strategy,
        replicate=replicate,
        status="done",
        source=source,
        synthetic=True,
        model_version="" if source == "real" else "7",
        versions={"lazypull": "0.1.0"},
        commit="0123456789",
        **(real if source == "real" else {}),
    )


def tables_of(total, *, requests=((0.1, [[0, 9]], 10),), phases=None, spans=()) -> RunTables:
    """Phases are 40, 10, 10 and 40 percent of the total unless given."""
    shares = phases or (0.4 * total, 0.1 * total, 0.1 * total, 0.4 * total)
    names = ("pull", "create", "start", "ready")
    edges = [sum(shares[:place]) for place in range(5)]
    every = [*zip(names, edges[:-1], edges[1:], strict=True), *spans]
    summary = {f"{name}_s": share for name, share in zip(names, shares, strict=True)} | {"total_s": total}
    summary["fetched_bytes"] = sum(size for start, _, size, *_ in requests if start < total)
    return RunTables(
        summary=summary,
        shares={},
        spans=pa.Table.from_pylist([span(*row) for row in every], SPANS_SCHEMA),
        requests=pa.Table.from_pylist([request(*row) for row in requests], REQUESTS_SCHEMA),
        steps=STEPS_SCHEMA.empty_table(),
        counts={},
    )


def span(kind, start, end):
    return {"kind": kind, "node": 0, "start_s": start, "end_s": end, "layer": -1, "bytes": 0, "requests": 0}


def request(start, ranges, size, cause="foreground", took=0.05):
    return {
        "node": 0, "start_s": start, "end_s": start + took, "blob": LAYER, "ranges": ranges, "bytes": size,
        "status": 206, "cause": cause, "connection": 0,
    }  # fmt: skip

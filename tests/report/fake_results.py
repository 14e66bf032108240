"""A results folder in the stored schemas whose numbers come from a back-of-the-envelope model, for report tests."""

import hashlib
import itertools
from pathlib import Path

import pyarrow as pa

from sim.core.manifest import Manifest
from sim.core.result import REQUESTS_SCHEMA, SPANS_SCHEMA, STEPS_SCHEMA, RunTables
from sim.core.store import rebuild_runs, write_run

WORKLOADS = {"numpy": (145e6, 0.25, 430, 0.4), "tensorflow": (442e6, 0.54, 3000, 4.2)}  # bytes, share, requests, own s
PRESETS = ("full", "lazy", "prefetch", "background", "clairvoyant")
RATES = {"20 Mbit/s": 2.5e6, "100 Mbit/s": 12.5e6, "1 Gbit/s": 125e6}
RTTS = {"0.5ms": 0.0005, "20ms": 0.02, "100ms": 0.1}
FILES = tuple(
    f"usr/lib/python3/dist-packages/pkg{index:02d}/_core.cpython-311-x86_64-linux-gnu.so" for index in range(14)
)


def write_startup(root: Path, *, source="model", replicates=1, synthetic=False, workloads=None) -> Path:
    """workloads × presets × rates × round trips; returns the experiment's folder."""
    for workload, preset, rate, rtt, replicate in itertools.product(
        workloads or WORKLOADS, PRESETS, RATES, RTTS, range(replicates)
    ):
        size, share, requests, own_s = WORKLOADS[workload]
        config = {"network": {"rate": rate, "rtt": rtt}}
        tables = run_tables(
            preset,
            size,
            share=share,
            requests=requests,
            own_s=own_s * (1 + 0.1 * replicate),
            rate=RATES[rate],
            rtt=RTTS[rtt],
            real=source == "real",
        )
        write_run(
            root,
            manifest("startup", workload, preset, config, replicate=replicate, source=source, synthetic=synthetic),
            tables,
        )
    rebuild_runs(root)
    return root


def write_image_size(root: Path) -> Path:
    """One synthetic workload over size, layers and share read, one varied at a time; a share of None is as recorded."""
    base = {"total": 1_000_000_000, "layers": 10, "read_share": None}
    sweeps = {"total": (30_000_000, 10**8, 10**10), "layers": (1, 60), "read_share": (0.01, 0.3, 1.0)}
    images = [base, *({**base, name: value} for name, values in sweeps.items() for value in values)]
    for image, preset in itertools.product(images, PRESETS):
        config = {"network": {"rate": "100 Mbit/s", "rtt": "20ms"}, "image": image}
        share = image["read_share"] or 0.1
        requests = int(10 * image["layers"] + 2e-6 * image["total"] * share)
        tables = run_tables(preset, image["total"], share=share, requests=requests, own_s=0.4, rate=12.5e6, rtt=0.02)
        write_run(root, manifest("image-size", "padded", preset, config, synthetic=True), tables)
    rebuild_runs(root)
    return root


def manifest(experiment, workload, preset, config, *, replicate=0, source="model", synthetic=False) -> Manifest:
    key = hashlib.sha256(repr((experiment, workload, preset, config, replicate, source)).encode()).hexdigest()
    return Manifest(
        experiment=experiment,
        key=key,
        key_parts={"host": "sha256:aa", "config": config},
        config=config,
        workload=workload,
        strategy=preset,
        replicate=replicate,
        status="done",
        source=source,
        synthetic=synthetic,
        varied=("network.rate", "network.rtt"),
        model_version="1",
        versions={"lazypull": "0.1.0", "simpy": "4.1.1"},
        commit="0123456789abcdef",
    )


def run_tables(preset, size, *, share, requests, own_s, rate, rtt, real=False) -> RunTables:
    """Phases add up to the total and shares to it too; every request lies within the run."""
    needed = size * share
    move_s = {"full": size, "lazy": 1.1 * needed, "prefetch": 1.02 * needed, "background": 1.1 * needed}
    rate_s = move_s.get(preset, needed) / rate
    trips = {"full": 8, "lazy": requests, "prefetch": 60, "background": 0.9 * requests}.get(preset, 1)
    unpack_s = size / 60e6 if preset == "full" else 0.0
    inflate_s = 0.0 if preset == "full" else needed / 80e6
    shares = {"rate": rate_s, "round_trip": trips * rtt, "registry": 0.001 * trips, "unpack": unpack_s}
    shares |= {"inflate": inflate_s, "fuse": 0.05, "prefetch_wait": 0.2 * (preset == "prefetch"), "application": own_s}
    total = sum(shares.values())
    clairvoyant = needed / rate + rtt + 0.001 + needed / 80e6 + 0.05 + own_s
    pull = total - own_s - 0.2 if preset == "full" else min(0.3 + 10 * rtt, 0.5 * total)
    create = min(8.0, 0.5 * (total - pull)) if preset == "prefetch" else 0.05
    summary = {
        "pull_s": pull,
        "create_s": create,
        "start_s": 0.1,
        "ready_s": total - pull - create - 0.1,
        "total_s": total,
        "image_bytes": int(size),
        "fetched_bytes": int(rate_s * rate),
        "needed_bytes": int(needed),
        "requests": int(trips),
        "connections": 3,
        "read_amplification": rate_s * rate / needed,
    }
    if not real:
        summary |= {
            "clairvoyant_total_s": clairvoyant,
            "what_if_no_round_trip_total_s": total - shares["round_trip"],
            "what_if_infinite_rate_total_s": total - rate_s,
            "what_if_infinite_cpu_total_s": total - unpack_s - inflate_s,
            "what_if_perfect_prefetch_total_s": min(total, clairvoyant * 1.1),
        }
    return RunTables(
        summary=summary,
        shares={} if real else shares,
        spans=spans(preset, pull, create, total, real=real),
        requests=request_rows(preset, size, needed, total),
        steps=STEPS_SCHEMA.empty_table(),
        counts={},
    )


def spans(preset, pull, create, total, *, real) -> pa.Table:
    edges = [0.0, pull, pull + create, pull + create + 0.1, total]
    rows = [
        span(name, start, end, None, "application")
        for name, start, end in zip(("pull", "create", "start", "ready"), edges[:-1], edges[1:], strict=True)
    ]
    if preset not in ("full", "clairvoyant"):
        step = (total - edges[3]) / len(FILES)
        for index, path in enumerate(FILES):
            start = edges[3] + index * step
            rows.append(span("stall", start, start + step * (0.2 + 0.05 * index), path, "rate"))
    if real:
        rows = [{**row, "waits_for": None, "critical": None} for row in rows]
    return pa.Table.from_pylist(rows, SPANS_SCHEMA)


def span(kind, start, end, path, waits_for):
    return {
        "kind": kind, "node": 0, "start_s": start, "end_s": end, "layer": -1 if path is None else 1, "path": path,
        "bytes": 0 if path is None else 150_000, "requests": 0 if path is None else 1, "waits_for": waits_for,
        "critical": True,
    }  # fmt: skip


def request_rows(preset, size, needed, total) -> pa.Table:
    """Three at a time over the first 90 % of the run; background goes on after ready."""
    rows = [request("manifest", 0.0, 0.01 * total, 2000), request("config", 0.01 * total, 0.02 * total, 6000)]
    if preset == "full":
        rows += [request("layer", 0.02 * total, 0.9 * total, int(size / 3), name) for name in "abc"]
    else:
        rows += [request("index", 0.02 * total, 0.05 * total, 300_000, name) for name in "abc"]
        cause = {"prefetch": "prefetch", "clairvoyant": "prefetch"}.get(preset, "foreground")
        width = 0.85 * total / 20
        rows += [
            request(cause, 0.05 * total + index * width, 0.05 * total + (index + 0.9) * width, int(needed / 60), name)
            for index in range(20)
            for name in "abc"
        ]
    if preset == "background":
        rows += [request("background", total, total * 1.5, int((size - needed) / 3), name) for name in "abc"]
    return pa.Table.from_pylist(rows, REQUESTS_SCHEMA)


def request(cause, start, end, size, blob="m"):
    return {
        "node": 0, "start_s": start, "end_s": end, "blob": f"sha256:{blob * 8}", "ranges": [[0, size - 1]],
        "bytes": size, "status": 206, "cause": cause, "connection": "mabc".index(blob),
    }  # fmt: skip

"""Simulate one case: build the world, run its nodes, summarise."""

from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import simpy

from sim.core.result import SHARE_KINDS, STEPS_SCHEMA, SUMMARY_FIELDS, RunTables
from sim.core.trace import READY_MARK
from sim.engine.maxmin import MaxMin
from sim.engine.shared import SharedResource
from sim.engine.star import Star
from sim.model.timeline import INFLATE, UNPACK
from sim.model.world import World
from sim.strategy.case import Case
from sim.strategy.node import NodeRun, needed_units, prepare, run_node
from sim.strategy.strategy import Stream

STAR_FROM_NODES = 20  # below, the general solver is as fast (tests/bench)


def simulate(case: Case) -> RunTables:
    """Run a case to the end of its recorded program; deterministic."""
    env = simpy.Environment()
    links: SharedResource = Star(env) if case.nodes >= STAR_FROM_NODES else MaxMin(env)
    world = World(env, links, case.host, case.network, case.nodes)
    runs = [prepare(world, node, case) for node in range(case.nodes)]
    env.run(env.all_of([env.process(run_node(world, run, case)) for run in runs]))
    last = max(runs, key=lambda run: run.ready_s)
    shares = _shares(last, case)
    requests = world.requests.table()
    return RunTables(
        summary=_summary(world, case, runs, last, requests),
        shares=dict(zip(SHARE_KINDS, shares, strict=True)),
        spans=_spans(world, runs),
        requests=requests,
        steps=_steps(runs, case),
        counts=_counts(world, case, runs, requests),
    )


def _counts(world: World, case: Case, runs: list[NodeRun], requests: pa.Table) -> dict[str, int]:
    """What the accounts of a run are checked with: bodies by request, by link and by what they brought."""
    counts = {"operations": case.program.operations, "steps": case.program.steps, "requests": requests.num_rows}
    if isinstance(case.strategy.client, Stream):
        return counts
    return counts | {
        "body_bytes": sum(requests.column("bytes").to_pylist()),
        "link_body_bytes": world.link_body_bytes(requests.num_rows),
        "unique_bytes_at_end": sum(run.image.unique_bytes for run in runs),
        "background_rest_bytes": sum(run.background.rest_bytes() if run.background else 0 for run in runs),
    }


def _summary(
    world: World, case: Case, runs: list[NodeRun], last: NodeRun, requests: pa.Table
) -> dict[str, float | int | None]:
    """All of SUMMARY_FIELDS. Times are those of the node that is ready last, bytes and counts sums over the nodes."""
    columns, nodes = case.columns, case.nodes
    needed = needed_units(case)
    needed_bytes = nodes * sum(columns.unit_size[unit] for unit in needed)
    by_cause = _bytes_by_cause(requests)
    fetched = sum(run.fetched_bytes for run in runs)
    at_end = sum(run.image.fetched_bytes + (run.background.rest_bytes() if run.background else 0) for run in runs)
    known: dict[str, float | int | None] = {
        "pull_s": last.pulled_s,
        "create_s": last.created_s - last.pulled_s,
        "start_s": last.started_s - last.created_s,
        "ready_s": last.ready_s - last.started_s,
        "total_s": last.ready_s,
        "image_bytes": sum(columns.size),
        "fetched_bytes": fetched,
        "fetched_at_end_bytes": at_end,
        "unique_bytes": sum(run.unique_bytes for run in runs),
        "needed_bytes": needed_bytes,
        "read_bytes": nodes * case.program.read_bytes,
        "wire_bytes": round(world.links.carried(world.registry_link)),
        "requests": requests.num_rows,
        "connections": world.connections,
        "read_amplification": fetched / needed_bytes if needed_bytes else None,
        "unpack_cpu_s": world.cpu_s[UNPACK],
        "inflate_cpu_s": world.cpu_s[INFLATE],
        "copyup_bytes": nodes * case.program.copy_up_bytes,
        "disk_bytes": sum(run.image.disk_bytes for run in runs),
    }
    if case.strategy.prefetch is not None:
        known["prefetched_bytes"] = by_cause["prefetch"]
        known["prefetched_unused_bytes"] = nodes * _unused_before_landmark(case, set(needed))
    return {name: known.get(name) for name in SUMMARY_FIELDS} | _stalls(last)


def _stalls(run: NodeRun) -> dict[str, float | int | None]:
    """Sum and quantiles of the stalls of one node."""
    seconds = [stall.seconds for stall in run.replay.stalls.values()] if run.replay else []
    if not seconds:
        return {"stall_s": 0.0, "stall_p50_s": None, "stall_p99_s": None}
    p50, p99 = np.quantile(seconds, [0.5, 0.99])
    return {"stall_s": sum(seconds), "stall_p50_s": float(p50), "stall_p99_s": float(p99)}


def _bytes_by_cause(requests: pa.Table) -> Counter[str]:
    grouped = requests.select(["cause", "bytes"]).group_by("cause").aggregate([("bytes", "sum")])
    return Counter({row["cause"]: row["bytes_sum"] for row in grouped.to_pylist()})


def _unused_before_landmark(case: Case, needed: set[int]) -> int:
    """Compressed bytes before the landmarks in units that nothing touches."""
    columns, total = case.columns, 0
    for blob, (first, end) in enumerate(columns.blob_units):
        if columns.landmark[blob] == "prefetch":
            limit = columns.landmark_offset[blob]
            total += sum(
                columns.unit_size[unit]
                for unit in range(first, end)
                if columns.unit_offset[unit] < limit and unit not in needed
            )
    return total


def _shares(run: NodeRun, case: Case) -> list[float]:
    ready = case.program.mark_names.index(READY_MARK)
    before = run.timeline.totals()
    after = run.replay.shares(ready) if run.replay else [0.0] * len(SHARE_KINDS)
    return [first + second for first, second in zip(before, after, strict=True)]


def _spans(world: World, runs: list[NodeRun]) -> pa.Table:
    """All spans, phases added, in order of node, start and end."""
    for run in runs:
        bounds = (0.0, run.pulled_s, run.created_s, run.started_s, run.ready_s)
        for kind, start_s, end_s in zip(("pull", "create", "start", "ready"), bounds, bounds[1:], strict=False):
            world.spans.add(kind, run.node, start_s, end_s, critical=True)
    table = world.spans.table()
    keys: list[Any] = [("node", "ascending"), ("start_s", "ascending"), ("end_s", "descending")]
    return table.take(pc.sort_indices(table, sort_keys=keys))


def _steps(runs: list[NodeRun], case: Case) -> pa.Table:
    rows = [
        (run.node, case.program.mark_names[mark], at_s)
        for run in runs
        if run.replay is not None
        for mark, at_s in sorted(run.replay.mark_s.items())
    ]
    nodes, names, times = zip(*rows, strict=True)
    return pa.table([nodes, names, times], schema=STEPS_SCHEMA)

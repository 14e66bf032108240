"""`Case`: everything one simulated run depends on; and its idealised variants, the what-ifs."""

from dataclasses import dataclass, replace
from typing import Any

from sim.core.host import Host
from sim.core.network import Network
from sim.core.program import Program
from sim.plan.columns import LayoutColumns
from sim.strategy.strategy import PerfectPrefetch, Stargz, Strategy

# Host constants that are the client's or the kernel's work; the container's floors and the workload's own time stay.
CLIENT_WORK = (
    "pull_s",
    "document_s",
    "inflate_s_per_packed_byte",
    "hash_s_per_byte",
    "chunk_s",
    "chunk_s_per_byte",
    "ahead_chunk_s",
    "ahead_chunk_s_per_byte",
    "region_s",
    "region_s_per_byte",
    "region_read_s",
    "region_read_s_per_byte",
    "request_s",
    "commit_s",
    "commit_s_per_byte",
    "unpack_s_per_byte",
    "unpack_s_per_packed_byte",
    "unpack_s_per_file",
    "snapshot_s",
    "fuse_read_s",
    "fuse_read_s_per_byte",
    "fuse_lookup_s",
    "fuse_readdir_s",
    "fuse_mount_s",
    "wake_s",
    "busy_wake_s",
    "toc_s",
    "toc_s_per_byte",
    "decode_beside",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One run.

    columns: of the workload's layout in `strategy.format`; program: of its recording `strategy.recording`
    compiled against that layout. readiness: the recording's rule. nodes: all start at time 0 behind one registry.
    """

    workload: str
    columns: LayoutColumns
    program: Program
    readiness: str
    host: Host
    network: Network
    strategy: Strategy
    nodes: int = 1


def what_ifs(case: Case) -> dict[str, Case]:
    """The same case with one cost removed at a time; several bind at once, so their gains do not add up."""
    network = case.network
    cases = {
        "no_round_trip": replace(case, network=replace(network, rtt_s=0.0)),
        "infinite_rate": replace(
            case,
            network=replace(
                network, rate_bytes_s=float("inf"), registry=replace(network.registry, rate_bytes_s=float("inf"))
            ),
        ),
        "infinite_cpu": replace(case, host=_without_client_work(case.host)),
    }
    if isinstance(case.strategy.client, Stargz):
        perfect = replace(case.strategy, prefetch=PerfectPrefetch(), background=None)
        cases["perfect_prefetch"] = replace(case, strategy=perfect)
    return cases


def _without_client_work(host: Host) -> Host:
    free: dict[str, Any] = dict.fromkeys(CLIENT_WORK, 0.0)
    return replace(host, **free)

"""One measured start: a cold node pulls an image, starts a container of it and waits until it is ready."""

import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import msgspec

from sim.core.errors import RunFailed
from sim.testbed import commands, leftovers, link, node, process, registry, snapshotter
from sim.testbed.binaries import Binaries, system_tool
from sim.testbed.daemon_logs import LoggedSpan, lazy_steps, unpacks
from sim.testbed.disk import NODE_BYTES
from sim.testbed.names import Addresses, Names
from sim.testbed.requests import Request, layer_ranges, whole_blobs

AT_MOST_S = 600.0
READ_BYTES = 1 << 20
NODE_PROGRAMS = ("containerd", "containerd-shim-runc-v2", "lazypull-snapshotter", "lazypull-client")


class Instants(msgspec.Struct, frozen=True):
    """When each phase of a run ended, seconds since 1970, as `lazypull-client` prints them."""

    asked: float
    pulled: float
    created: float
    started: float
    ready: float
    status: int


@dataclass(frozen=True, slots=True)
class Measured:
    """One run: its instants, the requests the registry answered meanwhile, and how many lazy layers were mounted.

    spans: what the daemons logged. cpu_s: processor time of each daemon of the node since it started.
    """

    instants: Instants
    requests: list[Request]
    lazy_mounts: int
    spans: list[LoggedSpan]
    cpu_s: dict[str, float]

    def phases_s(self) -> dict[str, float]:
        """The four phases of a result's summary and their sum."""
        now = self.instants
        steps = {
            "pull_s": now.pulled - now.asked,
            "create_s": now.created - now.pulled,
            "start_s": now.started - now.created,
            "ready_s": now.ready - now.started,
        }
        return {**steps, "total_s": now.ready - now.asked}


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to run: an image in the testbed's registry, lazily or not, over a link of this shape.

    readiness: a rule as in a recipe. command: instead of the image's own; empty keeps that.
    at_most_s: how long the client may take before it is killed.
    """

    image: str
    lazy: bool
    shape: link.Shape
    settings: snapshotter.Settings
    readiness: str = "exit"
    command: Sequence[str] = ()
    at_most_s: float = AT_MOST_S


def cold_run(here: Names, addresses: Addresses, order: Order, programs: Binaries) -> Measured:
    """Start from nothing (empty roots, dropped caches), run once, and read the log. Root needed.

    Raises `RunFailed` when the container fails, and when a lazy run was not lazy or a full one not full:
    wrong settings fall back to a full pull without a word.
    """
    node.stop(here)
    return run_where_no_node_is(here, addresses, order, programs)


def run_where_no_node_is(
    here: Names,
    addresses: Addresses,
    order: Order,
    programs: Binaries,
    during: Callable[[], AbstractContextManager[object]] = nullcontext,
    *,
    disk_bytes: int = NODE_BYTES,
) -> Measured:
    """The same where the node is stopped already, on a disk of so many bytes.

    during: entered while the client runs; what happens meanwhile.
    """
    link.empty(here)
    node.start(here, addresses, order.settings, programs, disk_bytes=disk_bytes)
    link.reshape(here, order.shape)
    drop_caches()
    warm([*node_programs(programs), *registry.blob_files(here.folder / "registry", repository(order.image))])
    served = here.folder / "registry"
    seen = registry.logged(served)
    with during():
        instants = client(here, order, programs)
    requests = registry.requests_since(served, seen)
    folder = node.place(here).folder
    measured = Measured(instants, requests, len(leftovers.lazy_mounts_below(folder)), _logged(folder), _cpu_s(folder))
    prove_lazy(measured, lazy=order.lazy)
    return measured


def prove_lazy(measured: Measured, *, lazy: bool) -> None:
    """Raise `RunFailed` unless the run was what it should be, by the mounts and by the registry's log."""
    blobs = {request.blob for request in layer_ranges(measured.requests) if request.blob}
    whole = whole_blobs(measured.requests, blobs)
    if lazy and (not measured.lazy_mounts or not blobs or whole):
        raise RunFailed(
            f"this run should have been lazy, but mounted {measured.lazy_mounts} lazy layers, asked for ranges of "
            f"{len(blobs)} blobs and for {len(whole)} of them as a whole; look at the snapshotter's log"
        )
    if not lazy and (measured.lazy_mounts or blobs):
        raise RunFailed(f"this run should have been a full pull, but asked for ranges of {len(blobs)} blobs")


def drop_caches() -> None:
    """Write dirty pages out and forget the page cache, names and inodes of the whole machine."""
    os.sync()
    Path("/proc/sys/vm/drop_caches").write_text("3\n")


def node_programs(programs: Binaries) -> list[Path]:
    """What a node that serves has in memory before an image arrives."""
    return [*(programs.path(name) for name in NODE_PROGRAMS), Path(system_tool("runc", "runc"))]


def repository(image: str) -> str:
    """The repository of HOST/REPOSITORY:TAG."""
    return image.partition("/")[2].rpartition(":")[0]


def warm(files: Iterable[Path]) -> None:
    """Read files into the page cache: the node's own programs, and what the registry serves.

    A registry that fetched each range from this machine's disk would measure that disk, and share it with the node.
    """
    for file in files:
        with file.open("rb", buffering=0) as opened:
            while opened.read(READ_BYTES):
                pass


def client(here: Names, order: Order, programs: Binaries) -> Instants:
    """Have the node, cold or not, pull and run. Raises `RunFailed` when the container fails or takes too long."""
    arguments = [
        str(programs.path("lazypull-client")),
        *("-socket", str(node.place(here).socket)),
        *("-namespace", here.namespace),
        *("-image", order.image),
        *("-snapshotter", "stargz" if order.lazy else "overlayfs"),
        *("-ready", order.readiness),
        *order.command,
    ]
    instants = msgspec.json.decode(commands.run(*arguments, at_most_s=order.at_most_s, favoured=True), type=Instants)
    if instants.status:
        raise RunFailed(f"the container of {order.image} ended with status {instants.status}")
    return instants


def _logged(folder: Path) -> list[LoggedSpan]:
    """What the node's daemons did since they started, by their own logs."""
    with (folder / "containerd.log").open(errors="replace") as log:
        spans = unpacks(log)
    with (folder / "stargz.log").open(errors="replace") as log:
        return spans + lazy_steps(log)


def _cpu_s(folder: Path) -> dict[str, float]:
    found = {name: process.recorded(name, folder) for name in ("containerd", "stargz")}
    return {name: running.cpu_s() for name, running in found.items() if running is not None}

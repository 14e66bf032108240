"""What a node needs of an image however it arrives; one class per client implements it."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, Protocol

from simpy import Event

from sim.core.host import Host
from sim.model.http import Exchange, Http, Pool
from sim.model.timeline import APPLICATION, Timeline
from sim.model.world import World

Process = Generator[Event, Any, None]

# Sizes of the small documents of a pull: OCI manifest and config of the catalogue's images, as a registry sent them.
MANIFEST_BYTES = 250
MANIFEST_BYTES_PER_LAYER = 290
CONFIG_BYTES = 440
RUNTIME_READS_AT_CREATE = ("etc/group",)  # containerd resolves the user before the container exists
RUNTIME_READS_AT_START = ("etc/passwd",)  # runc does it again inside


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """What one operation costs when nothing must be fetched, as the process that asks sees it; seconds."""

    read_s: float
    read_s_per_byte: float
    lookup_s: float
    readdir_s: float


def fuse_prices(host: Host) -> Prices:
    """Operations answered by the lazy client through FUSE."""
    return Prices(
        read_s=host.fuse_read_s,
        read_s_per_byte=host.fuse_read_s_per_byte,
        lookup_s=host.fuse_lookup_s,
        readdir_s=host.fuse_readdir_s,
    )


def local_prices(host: Host) -> Prices:
    """Operations answered by the kernel from an unpacked snapshot with a warm page cache."""
    return Prices(
        read_s=host.local_read_s,
        read_s_per_byte=host.local_read_s_per_byte,
        lookup_s=host.local_lookup_s,
        readdir_s=host.local_readdir_s,
    )


class Image(Protocol):
    """An image on one node.

    prices: of operations that need no fetch. create_s, start_s: to create a container on it and start that, once
    nothing must be fetched.
    """

    prices: Prices
    create_s: float
    start_s: float

    @property
    def unique_bytes(self) -> int:
        """Distinct bytes that came so far."""

    @property
    def fetched_bytes(self) -> int:
        """Body bytes that came so far; less `unique_bytes`: fetched again, or part of a region still under way."""

    @property
    def disk_bytes(self) -> int:
        """Bytes the client wrote so far."""

    def pull(self, timeline: Timeline) -> Process:
        """Until the client says pulled."""

    def before_create(self, timeline: Timeline) -> Process:
        """What the container's creation must wait for."""

    def holds(self, units: list[int]) -> bool:
        """Say whether these units can be read without a fetch."""

    def read(self, units: list[int], timeline: Timeline) -> Process:
        """Have these units readable, in order."""


def fetch_manifest_and_config(world: World, http: Http, pool: Pool, layers: int, timeline: Timeline) -> Process:
    """Resolve the tag (HEAD), get the manifest and the config, one after the other; the client's own work with them.

    containerd resolves and fetches with clients of their own, so the HEAD has a connection that nothing else uses.
    """
    manifest_bytes = MANIFEST_BYTES + MANIFEST_BYTES_PER_LAYER * layers
    yield from world.wait(world.host.pull_s, APPLICATION, timeline)
    yield from http.fetch(Pool(), Exchange("manifest", "manifest", (), 0, timeline))
    yield from world.wait(world.host.document_s, APPLICATION, timeline)
    for cause, body_bytes in (("manifest", manifest_bytes), ("config", CONFIG_BYTES)):
        yield from http.fetch(pool, Exchange(cause, cause, (), body_bytes, timeline))
        yield from world.wait(world.host.document_s, APPLICATION, timeline)

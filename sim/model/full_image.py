"""Full pull as containerd does it: several layers download at once, and are unpacked one after the other.

Layer i is unpacked after its own download and after layer i − 1; layers whose chain ID is present skip both.
Sources: containerd core/unpack/unpacker.go, plugins/transfer/plugin.go (3 downloads, 1 unpack).
"""

from collections.abc import Generator, Iterator
from typing import Any

from simpy import Event

from sim.model.http import Exchange, Http, Pool
from sim.model.image import fetch_manifest_and_config, local_prices
from sim.model.timeline import RATE, UNPACK, Timeline
from sim.model.world import World
from sim.plan.columns import LayoutColumns

Process = Generator[Event, Any, None]


class FullImage:
    """All layers of an image on one node, downloaded and unpacked before anything starts."""

    def __init__(self, world: World, node: int, columns: LayoutColumns, *, downloads: int, present: int) -> None:
        self.prices = local_prices(world.host)
        self.create_s = world.host.create_s
        self.start_s = world.host.start_s
        self._world = world
        self._node = node
        self._columns = columns
        self._http = Http(world, node)
        self._downloads = downloads
        self._wanted = range(present, len(columns.size))  # layers from the lowest missing chain ID up
        self._downloaded = {layer: world.env.event() for layer in self._wanted}
        self._timelines = {layer: Timeline() for layer in self._wanted}
        self.disk_bytes = 0

    @property
    def fetched_bytes(self) -> int:
        """Body bytes that are here by now."""
        return self._http.fetched_bytes

    @property
    def unique_bytes(self) -> int:
        """Nothing is fetched twice."""
        return self.fetched_bytes

    def pull(self, timeline: Timeline) -> Process:
        """Manifest, config, layers, unpack."""
        world, pool = self._world, Pool()
        yield from fetch_manifest_and_config(world, self._http, pool, len(self._columns.size), timeline)
        waiting = iter(self._wanted)
        for _ in range(min(self._downloads, len(self._wanted))):
            world.env.process(self._download(waiting, pool))
        for layer in self._wanted:
            start_s = world.env.now
            if not self._downloaded[layer].processed:
                yield self._downloaded[layer]
                timeline.follow(self._timelines[layer], start_s, world.env.now, otherwise=RATE)
            yield from self._unpack(layer, timeline)

    def before_create(self, timeline: Timeline) -> Process:
        """Nothing to wait for: everything is here."""
        yield from ()

    def holds(self, units: list[int]) -> bool:
        """Everything is here."""
        return True

    def read(self, units: list[int], timeline: Timeline) -> Process:
        """Nothing to fetch."""
        yield from ()

    def _download(self, waiting: Iterator[int], pool: Pool) -> Process:
        """One of the downloaders that share the list of layers."""
        world, columns = self._world, self._columns
        for layer in waiting:
            start_s = world.env.now
            exchange = Exchange("layer", columns.digest[layer], (), columns.size[layer], self._timelines[layer])
            yield from self._http.fetch(pool, exchange)
            self.disk_bytes += exchange.received_bytes
            world.spans.add(
                "download", self._node, start_s, world.env.now, layer=layer, bytes=exchange.received_bytes, requests=1
            )
            commit_s = world.host.commit_s + columns.size[layer] * world.host.commit_s_per_byte
            yield from world.wait(commit_s, UNPACK, self._timelines[layer])
            self._downloaded[layer].succeed()

    def _unpack(self, layer: int, timeline: Timeline) -> Process:
        world, host, start_s = self._world, self._world.host, self._world.env.now
        raw_bytes, files = self._columns.raw_size[layer], self._columns.files[layer]
        work_s = raw_bytes * host.unpack_s_per_byte + self._columns.size[layer] * host.unpack_s_per_packed_byte
        work_s += files * host.unpack_s_per_file + host.snapshot_s
        yield from world.work(self._node, work_s, UNPACK, timeline)
        self.disk_bytes += raw_bytes
        world.spans.add("unpack", self._node, start_s, world.env.now, layer=layer, bytes=raw_bytes)

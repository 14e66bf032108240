"""An image mounted lazily, layer by layer, by a client like stargz-snapshotter."""

from collections.abc import Generator, Sequence
from math import inf
from typing import Any, Protocol

from simpy import Event

from sim.model.http import Http, Pool
from sim.model.image import fetch_manifest_and_config, fuse_prices
from sim.model.lazy_layer import LazyLayer
from sim.model.task_manager import TaskManager
from sim.model.timeline import FUSE, Timeline
from sim.model.world import World
from sim.plan.columns import LayoutColumns

Process = Generator[Event, Any, None]

# After so long without such an answer the Go runtime's monitor sleeps 10 ms at a time: 50 rounds of 20 µs, then each
# twice as long (runtime/proc.go, `sysmon`).
IDLE_S = 0.02
# A goroutine that computes keeps its core so long when others wait for it (runtime/proc.go, `forcePreemptNS`).
TURN_S = 0.01


class Companion(Protocol):
    """Something that accompanies a lazy image: a prefetch or a background fetch."""

    def on_resolved(self, layer: LazyLayer) -> None:
        """A layer's index is known; its data may be fetched from now on."""

    def before_create(self, timeline: Timeline) -> Process:
        """What the container's creation waits for."""


class LazyImage:
    """All layers of an image on one node, and what accompanies them."""

    def __init__(self, world: World, node: int, columns: LayoutColumns, region_size: int, tasks: TaskManager) -> None:
        self.prices = fuse_prices(world.host)
        self.create_s = world.host.lazy_create_s
        self.start_s = world.host.lazy_start_s
        self.columns = columns
        self.tasks = tasks
        self.loaded = bytearray(len(columns.unit_blob))
        self._world = world
        self._node = node
        self._http = Http(world, node)
        self.layers = [
            LazyLayer(
                world,
                self._http,
                columns,
                node=node,
                layer=layer,
                region_size=region_size,
                loaded=self.loaded,
            )
            for layer in range(len(columns.size))
        ]
        self._companions: Sequence[Companion] = ()
        self._answered_s = -inf

    def accompany(self, companions: Sequence[Companion]) -> None:
        """Name the prefetch and the background fetch that go with this image."""
        self._companions = companions

    @property
    def unique_bytes(self) -> int:
        """Distinct bytes that came: whole regions of layers, manifest, config and tokens."""
        return self._http.document_bytes + sum(layer.blob.unique_bytes for layer in self.layers)

    @property
    def fetched_bytes(self) -> int:
        """Body bytes that are here by now."""
        return self._http.fetched_bytes

    @property
    def disk_bytes(self) -> int:
        """Compressed regions and decoded chunks in the client's two caches."""
        raw = self.columns.unit_raw
        decoded = sum(raw[unit] for unit, loaded in enumerate(self.loaded) if loaded)
        return decoded + sum(layer.blob.unique_bytes for layer in self.layers)

    def pull(self, timeline: Timeline) -> Process:
        """Manifest and config, then each layer in order; the first one resolves its neighbours too."""
        world = self._world
        yield from fetch_manifest_and_config(world, self._http, Pool(), len(self.layers), timeline)
        self.tasks.begin()
        for layer in self.layers:
            world.env.process(self._resolve(layer))
        for layer in self.layers:
            yield from layer.mount(timeline)
            yield from self._answer(timeline)
        self.tasks.end()

    def before_create(self, timeline: Timeline) -> Process:
        """Wait as long as the prefetch wants."""
        for companion in self._companions:
            yield from companion.before_create(timeline)

    def holds(self, units: list[int]) -> bool:
        """Say whether all these chunks are decoded and cached."""
        loaded = self.loaded
        return all(loaded[unit] for unit in units)

    def read(self, units: list[int], timeline: Timeline) -> Process:
        """Load the missing ones of these chunks, in file order."""
        for unit in units:
            if not self.loaded[unit]:
                self.tasks.begin()
                layer = self.layers[self.columns.unit_blob[unit]]
                yield from layer.load(unit, "foreground", layer.on_touch, timeline)
                self.tasks.end()

    def _answer(self, timeline: Timeline) -> Process:
        """Tell the daemon that a layer is mounted: at once, or when the client's runtime finds a core for it."""
        world = self._world
        if world.decodes_on_all_cores(self._node):
            yield from self._queue(timeline)
        elif world.env.now - self._answered_s > IDLE_S:
            yield from world.wait(world.host.wake_s, FUSE, timeline)
        self._answered_s = world.env.now

    def _queue(self, timeline: Timeline) -> Process:
        """Wait behind the decoders for each step of a mount, turn by turn while there are decoders."""
        world, left_s = self._world, self._world.host.busy_wake_s
        while left_s > 0 and world.decodes_on_all_cores(self._node):
            yield from world.wait(min(TURN_S, left_s), FUSE, timeline)
            left_s -= TURN_S

    def _resolve(self, layer: LazyLayer) -> Process:
        yield from layer.resolve()
        for companion in self._companions:
            companion.on_resolved(layer)

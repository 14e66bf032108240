"""Landmark prefetch: fetch what lies before the landmark of each layer; the container's creation waits, not for ever.

Source: stargz-snapshotter fs/layer/layer.go `prefetch`, fs/fs.go `Check`.
"""

from collections.abc import Generator, Iterator
from typing import Any

from simpy import Event

from sim.model.lazy_image import LazyImage
from sim.model.lazy_layer import LazyLayer
from sim.model.timeline import PREFETCH_WAIT, Timeline
from sim.model.world import World
from sim.plan.walk import prefetch_walk

REQUEST_TIMEOUT_S = 30.0  # service/resolver/registry.go `defaultRequestTimeoutSec`: a whole request, body included

Process = Generator[Event, Any, None]


class LandmarkPrefetch:
    """Started for each layer as soon as it is resolved, before it is mounted; one GET a layer."""

    def __init__(self, world: World, node: int, image: LazyImage, *, wait_at_most_s: float) -> None:
        self._world = world
        self._node = node
        self._image = image
        self._wait_at_most_s = wait_at_most_s
        self._pending: list[Event] = []

    def on_resolved(self, layer: LazyLayer) -> None:
        """Start the prefetch of a layer that has a landmark."""
        if self._image.columns.landmark[layer.layer] == "prefetch":
            self._pending.append(self._world.env.process(self._fetch(layer)))

    def before_create(self, timeline: Timeline) -> Process:
        """Wait until every layer's prefetch is over, or until the time is up."""
        env = self._world.env
        pending = [event for event in self._pending if not event.processed]
        if pending:
            start_s = env.now
            yield env.all_of(pending) | env.timeout(self._wait_at_most_s)
            timeline.add(PREFETCH_WAIT, start_s, env.now)

    def wait(self) -> Process:
        """Return once all of it is over, however long that takes."""
        pending = [event for event in self._pending if not event.processed]
        if pending:
            yield self._world.env.all_of(pending)

    def _fetch(self, layer: LazyLayer) -> Process:
        world, start_s = self._world, self._world.env.now
        size = self._image.columns.landmark_offset[layer.layer]
        self._image.tasks.begin()
        whole = yield from layer.blob.read_at_most(0, size, "prefetch", REQUEST_TIMEOUT_S)
        if whole:  # else nothing is decoded; regions that came stay (fs/layer/layer.go `prefetch`)
            waiting = prefetch_walk(self._image.columns, layer.layer, size)
            yield world.env.all_of([world.env.process(self._decode(layer, waiting)) for _ in range(world.host.cores)])
        self._image.tasks.end()
        world.spans.add("prefetch", self._node, start_s, world.env.now, layer=layer.layer, bytes=size, requests=1)

    def _decode(self, layer: LazyLayer, waiting: Iterator[int]) -> Process:
        """One of the decoders that share the walk; the reference runs as many as there are cores.

        A unit that chunks share may be decoded by several at once: each looks for its own chunk in the cache, does not
        find it there, and goes through the unit (fs/reader/reader.go `readAndCache`).
        """
        for unit in waiting:
            if not layer.loaded[unit]:
                yield from layer.load(unit, "prefetch", layer.ahead, Timeline())


class PerfectPrefetch:
    """What-if: the needed chunks are simply there once their layer is resolved."""

    def __init__(self, image: LazyImage, needed: list[int]) -> None:
        self._image = image
        self._needed = needed

    def on_resolved(self, layer: LazyLayer) -> None:
        """Put the layer's needed chunks and their regions into the caches."""
        columns = self._image.columns
        for unit in self._needed:
            if columns.unit_blob[unit] == layer.layer:
                layer.loaded[unit] = 1
                layer.blob.hold_all(columns.unit_offset[unit], columns.unit_size[unit])

    def before_create(self, timeline: Timeline) -> Process:
        """Nothing to wait for."""
        yield from ()

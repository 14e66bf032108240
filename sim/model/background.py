"""Background fetch: the rest of the image, chunk by chunk, whenever no foreground work has run for a while.

Source: stargz-snapshotter fs/layer/layer.go `backgroundFetch`, task/task.go. Layers take turns; the reference leaves
their order to the Go scheduler.
"""

from collections import deque
from collections.abc import Generator
from typing import Any

from simpy import Event

from sim.model.blob import Flight, RemoteBlob
from sim.model.lazy_image import LazyImage
from sim.model.lazy_layer import LazyLayer
from sim.model.timeline import Timeline
from sim.model.world import World

Process = Generator[Event, Any, None]


class BackgroundFetch:
    """Workers of one node; `max_concurrency` fetches at once over all layers."""

    def __init__(self, world: World, image: LazyImage, *, max_concurrency: int) -> None:
        self._world = world
        self._image = image
        self._free = max_concurrency
        self._queues: deque[tuple[LazyLayer, deque[int]]] = deque()
        self._flights: list[tuple[RemoteBlob, list[Flight]]] = []
        self._workers: list[Event] = []
        self._stopped = False
        image.tasks.listen(self._cancel_all)

    def on_resolved(self, layer: LazyLayer) -> None:
        """Queue every chunk of the layer."""
        self._queues.append((layer, deque(layer.units())))
        self._workers += [self._world.env.process(self._work()) for _ in range(self._free)]
        self._free = 0

    def before_create(self, timeline: Timeline) -> Process:
        """The container does not wait for it."""
        yield from ()

    def stop(self) -> Process:
        """Start nothing more and give up what is under way, the observed time being over; returns when that is done."""
        self._stopped = True
        self._cancel_all()
        yield self._world.env.all_of(self._workers)

    def rest_bytes(self) -> int:
        """Bytes it would still fetch if left alone: the missing regions of all chunks not loaded."""
        columns, total = self._image.columns, 0
        for layer in self._image.layers:
            units = layer.units()
            if units:
                start = columns.unit_offset[units[0]]
                end = columns.unit_offset[units[-1]] + columns.unit_size[units[-1]]
                total += layer.blob.missing_bytes(start, end - start)
        return total

    def _cancel_all(self) -> None:
        for blob, flights in self._flights:
            for flight in flights:
                blob.cancel(flight)

    def _work(self) -> Process:
        while (task := self._next()) is not None and not self._stopped:
            layer, unit = task
            yield from self._load(layer, unit)
        self._free += 1

    def _next(self) -> tuple[LazyLayer, int] | None:
        """The next chunk, taking layers in turn."""
        while self._queues:
            layer, queue = self._queues.popleft()
            while queue and layer.loaded[queue[0]]:
                queue.popleft()
            if queue:
                self._queues.append((layer, queue))
                return layer, queue.popleft()
        return None

    def _load(self, layer: LazyLayer, unit: int) -> Process:
        reads = layer.reads(unit)
        flights: list[Flight] = []
        again_s = sum(layer.reading_again_s(offset, length) for offset, length in reads)
        entry = (layer.blob, flights)
        self._flights.append(entry)
        for offset, length in reads:
            while layer.blob.missing_bytes(offset, length) and not self._stopped:
                yield from self._image.tasks.wait_for_quiet()
                if not self._stopped:
                    yield from layer.blob.read_cancellable(offset, length, "background", flights)
        self._flights.remove(entry)
        if not self._stopped and not layer.loaded[unit]:
            self._world.env.process(layer.decode(unit, layer.ahead, Timeline(), again_s))

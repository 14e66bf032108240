"""`LazyHeap`: a heap in which a flow has one entry that can be replaced or taken out at any time."""

from heapq import heapify, heappop, heappush
from math import inf

from sim.engine.shared import Flow

SPARE = 64  # outdated entries a small heap may hold before it is rebuilt


class LazyHeap:
    """Flows by key, lowest first. Outdated entries are skipped at the top and dropped in bulk.

    live: the flows that are in (read only).
    """

    __slots__ = ("_heap", "_stamp", "live")

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Flow]] = []
        self.live: dict[Flow, int] = {}
        self._stamp = 0

    def push(self, key: float, flow: Flow) -> None:
        """Put a flow in, or give it another key."""
        self._stamp = self.live[flow] = stamp = self._stamp + 1
        heappush(self._heap, (key, stamp, flow))
        if len(self._heap) > 2 * len(self.live) + SPARE:
            self.shift(0.0)

    def discard(self, flow: Flow) -> None:
        """Take a flow out, if it is in."""
        self.live.pop(flow, None)

    def lowest(self) -> float:
        """Lowest key; inf where the heap is empty."""
        heap, live = self._heap, self.live
        while heap:
            key, stamp, flow = heap[0]
            if live.get(flow) == stamp:
                return key
            heappop(heap)
        return inf

    def first(self) -> Flow:
        """Flow with the lowest key, which `lowest` has just told."""
        return self._heap[0][2]

    def pop(self) -> Flow:
        """Take out the flow with the lowest key, which `lowest` has just told."""
        flow = heappop(self._heap)[2]
        del self.live[flow]
        return flow

    def shift(self, by: float) -> None:
        """Lower all keys and drop what is outdated."""
        live = self.live
        self._heap = [(key - by, stamp, flow) for key, stamp, flow in self._heap if live.get(flow) == stamp]
        heapify(self._heap)

"""Max-min fair rates by progressive filling: all rates rise together until a link is full or a cap is reached."""

from collections.abc import Sequence
from heapq import heapify, heappop, heapreplace
from math import inf


def fill_one(capacity: float, caps: Sequence[float]) -> list[float]:
    """Max-min rates of flows that share one link.

    capacity: units/s, inf allowed. caps: most each flow may have, inf allowed. Returns one rate a flow.
    """
    if capacity == inf:
        return list(caps)
    share = capacity / len(caps)
    if min(caps) >= share:
        return [share] * len(caps)
    level = inf
    left = capacity
    waiting = sorted(caps, reverse=True)
    while waiting:
        level = left / len(waiting)
        if waiting[-1] >= level:
            break
        left -= waiting.pop()
    else:
        level = inf
    return [min(cap, level) for cap in caps]


def fill(capacity: Sequence[float], paths: Sequence[tuple[int, ...]], caps: Sequence[float]) -> list[float]:
    """Max-min rates over any topology.

    capacity: of each link, units/s, inf and 0 allowed. paths: links each flow crosses, each once, () allowed.
    caps: most each flow may have. Returns one rate a flow, inf where nothing binds.
    Cost: O(path entries · log links). Shares of the links left only rise, so an outdated heap entry is a
    lower bound and is looked at again when it reaches the top.
    """
    first = paths[0]
    if all(path == first for path in paths):
        return fill_one(min([capacity[link] for link in first], default=inf), caps)
    filling = _Filling(capacity, paths)
    for flow in sorted(range(len(paths)), key=caps.__getitem__):
        filling.rise_to(caps[flow])
        if filling.rates[flow] < 0:
            filling.freeze(flow, caps[flow])
    return filling.rates


class _Filling:
    """State of one progressive filling; a rate below 0 still rises."""

    def __init__(self, capacity: Sequence[float], paths: Sequence[tuple[int, ...]]) -> None:
        self.paths = paths
        self.rates = [-1.0] * len(paths)
        self.flows: dict[int, list[int]] = {}
        for flow, path in enumerate(paths):
            for link in path:
                if capacity[link] < inf:
                    self.flows.setdefault(link, []).append(flow)
        self.left = {link: capacity[link] for link in self.flows}
        self.rising = {link: len(flows) for link, flows in self.flows.items()}
        self.heap = [(self.left[link] / rising, link) for link, rising in self.rising.items()]
        heapify(self.heap)

    def rise_to(self, level: float) -> None:
        """Fill, one after the other, the links that are full before the common rate reaches `level`."""
        heap = self.heap
        while heap and heap[0][0] < level:
            known, link = heap[0]
            if not self.rising[link]:
                heappop(heap)
                continue
            share = self.left[link] / self.rising[link]
            if share > known:
                heapreplace(heap, (share, link))
                continue
            heappop(heap)
            for flow in self.flows[link]:
                if self.rates[flow] < 0:
                    self.freeze(flow, known)

    def freeze(self, flow: int, rate: float) -> None:
        """Give a flow its final rate."""
        self.rates[flow] = rate
        for link in self.paths[flow]:
            if link in self.left:
                self.left[link] = max(0.0, self.left[link] - rate)
                self.rising[link] -= 1

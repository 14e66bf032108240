"""The clairvoyant's image: from time 0 one stream carries exactly the needed units, in order of need, at link rate.

Nothing that fetches these bytes over this link can be sooner: one round trip, no request, no service time, no decoding.
"""

from collections.abc import Generator
from itertools import accumulate
from typing import Any

from simpy import Event

from sim.model.image import local_prices
from sim.model.timeline import RATE, ROUND_TRIP, Timeline
from sim.model.world import World
from sim.plan.columns import LayoutColumns

Process = Generator[Event, Any, None]


class StreamImage:
    """Units arrive in the order of `needed`; reads wait for theirs."""

    def __init__(self, world: World, node: int, columns: LayoutColumns, needed: list[int]) -> None:
        self.prices = local_prices(world.host)
        self.create_s = world.host.create_s
        self.start_s = world.host.start_s
        self._world = world
        rate_bytes_s = min(world.network.rate_bytes_s, world.network.registry.rate_bytes_s)
        sizes = [columns.unit_size[unit] for unit in needed]
        self._arrival_s = {
            unit: world.network.rtt_s + through * world.network.wire_overhead / rate_bytes_s
            for unit, through in zip(needed, accumulate(sizes), strict=True)
        }
        self.fetched_bytes = sum(sizes)
        end_s = max(self._arrival_s.values(), default=0.0)
        world.requests.add(node, 0.0, end_s, blob="stream", bytes=self.fetched_bytes, status=200, cause="foreground")
        self.unique_bytes = self.fetched_bytes
        self.disk_bytes = 0

    def pull(self, timeline: Timeline) -> Process:
        """The stream needs no pull."""
        yield from ()

    def before_create(self, timeline: Timeline) -> Process:
        """Nothing to wait for."""
        yield from ()

    def holds(self, units: list[int]) -> bool:
        """Say whether these units have arrived."""
        now = self._world.env.now
        return all(self._arrival_s[unit] <= now for unit in units)

    def read(self, units: list[int], timeline: Timeline) -> Process:
        """Wait until the last of these units has arrived."""
        env = self._world.env
        arrival_s = max(self._arrival_s[unit] for unit in units)
        start_s, first_byte_s = env.now, self._world.network.rtt_s
        if arrival_s > start_s:
            yield env.timeout(arrival_s - start_s)
            timeline.add(ROUND_TRIP, start_s, min(first_byte_s, env.now))
            timeline.add(RATE, max(start_s, first_byte_s), env.now)

"""The client's view of one remote blob: which 50,000-byte regions are here, and requests for those that are not.

As stargz-snapshotter does it (fs/remote/blob.go): a read is widened to whole regions, the missing ones are asked
for in one multi-range GET, reads that miss exactly the same regions share it, overlapping ones do not.
"""

from bisect import bisect_right
from collections.abc import Generator
from itertools import accumulate
from typing import Any

from simpy import Event

from sim.model.http import Exchange, Http, Pool
from sim.model.timeline import RATE, Timeline
from sim.model.world import World
from sim.plan.ranges import merge_adjacent, missing, to_regions

Process = Generator[Event, Any, None]


class Flight:
    """One GET for a set of regions, in order; regions are usable as they land."""

    __slots__ = ("done", "ends", "exchange", "landed", "regions")

    def __init__(self, exchange: Exchange, regions: tuple[int, ...], ends: list[int], done: Event) -> None:
        self.exchange = exchange
        self.regions = regions
        self.ends = ends  # body bytes after which each region is complete
        self.landed = 0  # how many of them have been marked present
        self.done = done


class RemoteBlob:
    """Regions of one blob on one node."""

    def __init__(self, world: World, http: Http, *, digest: str, size: int, region_size: int) -> None:
        self._world = world
        self._http = http
        self._pool = Pool()  # each resolved layer has its own transport (fs/remote/resolver.go)
        self._region_size = region_size
        self._flights: dict[tuple[int, ...], Flight] = {}
        self.digest = digest
        self.size = size
        self.present = bytearray(-(-size // region_size))
        self._unique_bytes = 0

    @property
    def unique_bytes(self) -> int:
        """First-time bytes in regions that have landed by now."""
        self._land_all()
        return self._unique_bytes

    def probe(self, timeline: Timeline) -> Process:
        """The two requests that find a blob and its size: the first two bytes, then HEAD."""
        for body_bytes, ranges in ((2, ((0, 1),)), (0, ())):
            exchange = Exchange("probe", self.digest, ranges, body_bytes, timeline)
            yield from self._http.fetch(self._pool, exchange)

    def read(self, offset: int, length: int, cause: str, timeline: Timeline) -> Process:
        """Have [offset, offset + length) here; costs at most one request, or a wait for an equal one."""
        wanted = self._missing(offset, length)
        if not wanted:
            return
        flight = self._flights.get(wanted)
        if flight is None:
            flight = self._start(wanted, cause)
            yield from self._fly(flight)
            timeline.segments.extend(flight.exchange.timeline.segments)
            return
        start_s = self._world.env.now
        yield flight.done
        timeline.follow(flight.exchange.timeline, start_s, self._world.env.now, otherwise=RATE)

    def read_at_most(self, offset: int, length: int, cause: str, at_most_s: float) -> Generator[Event, Any, bool]:
        """Like `read`, but given up after so long; regions that are complete stay. Returns whether all of it came."""
        flights: list[Flight] = []
        self._world.env.process(self._give_up(flights, at_most_s))
        yield from self.read_cancellable(offset, length, cause, flights)
        return not self._missing(offset, length)

    def _give_up(self, flights: list[Flight], at_most_s: float) -> Process:
        yield self._world.env.timeout(at_most_s)
        for flight in flights:
            self.cancel(flight)

    def read_cancellable(self, offset: int, length: int, cause: str, flights: list[Flight]) -> Process:
        """Like `read`, but listed in `flights` while under way, so that `cancel` can end it early."""
        wanted = self._missing(offset, length)
        if not wanted:
            return
        flight = self._flights.get(wanted)
        if flight is not None:
            yield flight.done
            return
        flight = self._start(wanted, cause)
        flight.exchange.stoppable = True
        flights.append(flight)
        yield from self._fly(flight)
        flights.remove(flight)

    def cancel(self, flight: Flight) -> None:
        """Give up a cancellable flight; regions that are complete stay."""
        self._http.cancel(flight.exchange)

    def missing_bytes(self, offset: int, length: int) -> int:
        """Bytes of the regions of a range that are not here now."""
        return sum(self._region_bytes(region) for region in self._missing(offset, length))

    def stored_part(self, offset: int, length: int) -> tuple[int, int]:
        """Of a range, what is in the store now: regions, and their bytes."""
        if length <= 0:
            return 0, 0
        self._land_all()
        first, last = to_regions(offset, length, self.size, self._region_size)
        here = [region for region in range(first, last + 1) if self.present[region]]
        return len(here), sum(self._region_bytes(region) for region in here)

    def hold_all(self, offset: int, length: int) -> None:
        """Mark a range as here without a request (a perfect prefetch)."""
        first, last = to_regions(offset, length, self.size, self._region_size)
        for region in range(first, last + 1):
            self.present[region] = 1

    def _missing(self, offset: int, length: int) -> tuple[int, ...]:
        if length <= 0:
            return ()
        self._land_all()
        first, last = to_regions(offset, length, self.size, self._region_size)
        return tuple(missing(self.present, first, last))

    def _start(self, wanted: tuple[int, ...], cause: str) -> Flight:
        ends = list(accumulate(self._region_bytes(region) for region in wanted))
        ranges = merge_adjacent(list(wanted), self._region_size, self.size)
        exchange = Exchange(cause, self.digest, ranges, ends[-1], pieces=len(wanted))
        flight = Flight(exchange, wanted, ends, self._world.env.event())
        self._flights[wanted] = flight
        return flight

    def _fly(self, flight: Flight) -> Process:
        yield from self._http.fetch(self._pool, flight.exchange)
        del self._flights[flight.regions]
        self._land(flight, flight.exchange.received_bytes)
        flight.done.succeed()

    def _land_all(self) -> None:
        for flight in self._flights.values():
            self._land(flight, self._http.arrived_bytes(flight.exchange))

    def _land(self, flight: Flight, arrived_bytes: int) -> None:
        complete = bisect_right(flight.ends, arrived_bytes)
        for region in flight.regions[flight.landed : complete]:
            if not self.present[region]:
                self.present[region] = 1
                self._unique_bytes += self._region_bytes(region)
        flight.landed = max(flight.landed, complete)

    def _region_bytes(self, region: int) -> int:
        start = region * self._region_size
        return min(self._region_size, self.size - start)

"""One node's HTTP client: pooled connections, slow start, requests to the registry, bytes over the shared link.

A request is: a connection from the pool (or a new one: handshakes), half a round trip, the registry's
service, half a round trip, then the body through the link, held back by the congestion window while that
is smaller than what the link carries in a round trip. Sources of the facts: docs/model.md, "Connection".
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any

from simpy import Event

from sim.engine.shared import Flow
from sim.model.timeline import INFLATE, RATE, REGISTRY, ROUND_TRIP, Timeline
from sim.model.world import World

INITIAL_WINDOW_BYTES = 10 * 1448  # RFC 6928: ten segments; 1,448 bytes each at MTU 1500 with time stamps
MIN_RETRANSMISSION_TIMEOUT_S = 0.2  # Linux TCP_RTO_MIN; an idle connection halves its window once per time-out
TOKEN_BODY_BYTES = 1_500  # an anonymous token, JSON

DOCUMENT_CAUSES = frozenset({"manifest", "config", "token"})

Process = Generator[Event, Any, None]


@dataclass(slots=True)
class Connection:
    """One open connection: its number in the run, its congestion window and when it fell idle.

    queued_s: how long the end of its last window waited for the link; the sender's round trip has it in.
    """

    number: int
    window_bytes: float = INITIAL_WINDOW_BYTES
    idle_since_s: float = 0.0
    queued_s: float = 0.0


@dataclass(slots=True)
class Pool:
    """Connections one client keeps to one host; `host` names the blob or service in spans."""

    idle: list[Connection] = field(default_factory=list)
    has_token: bool = False


@dataclass(slots=True, eq=False)
class Exchange:
    """One request under way.

    body_bytes: what the registry will send. pieces: files it becomes in the client's store.
    wire_bytes: what has crossed the link, but for `flow`, under way now.
    stoppable: it may be cancelled; `stopped` then fires when the flow under way ends or is given up.
    """

    cause: str
    blob: str
    ranges: Sequence[tuple[int, int]]
    body_bytes: int
    timeline: Timeline = field(default_factory=Timeline)
    pieces: int = 0
    stoppable: bool = False
    wire_bytes: float = 0.0
    flow: Flow | None = None
    stopped: Event | None = None
    received_bytes: int = 0
    cancelled: bool = False


class Http:
    """The way of one node to the registry."""

    def __init__(self, world: World, node: int) -> None:
        self._world = world
        self._node = node
        self._network = world.network
        self._path = world.paths[node]
        self.body_bytes = 0  # of all answers that are over, cut short ones included
        self._under_way: dict[Exchange, None] = {}
        self.document_bytes = 0  # of these, manifests, configs and tokens: what is no part of a layer

    def fetch(self, pool: Pool, exchange: Exchange) -> Process:
        """Carry out one request; returns when its last byte is here (or it was cancelled)."""
        world, network = self._world, self._network
        connection = yield from self._connect(pool, exchange.timeline)
        start_s = world.env.now
        self._under_way[exchange] = None
        if network.registry.token and not pool.has_token:
            yield from self._token(connection, exchange.timeline)
            pool.has_token = True
        yield from self._first_byte(exchange)
        if not exchange.cancelled:
            kept = world.keep(self._node, exchange.body_bytes, exchange.pieces)
            yield from self._body(connection, exchange)
            yield from self._kept(kept, exchange)
        if not exchange.cancelled:
            exchange.received_bytes = exchange.body_bytes
        del self._under_way[exchange]
        self._log(start_s, exchange, connection)
        connection.idle_since_s = world.env.now
        if not exchange.cancelled:  # an aborted HTTP/1.1 answer takes its connection with it
            pool.idle.append(connection)

    @property
    def fetched_bytes(self) -> int:
        """Body bytes that are here by now, those of answers under way included."""
        return self.body_bytes + sum(self.arrived_bytes(exchange) for exchange in self._under_way)

    def arrived_bytes(self, exchange: Exchange) -> int:
        """Whole body bytes of this exchange that are here by now."""
        if exchange.cancelled:
            return exchange.received_bytes
        moving = self._world.links.progress(exchange.flow) if exchange.flow is not None else 0.0
        through = exchange.wire_bytes + moving - self._network.request_wire_bytes
        return max(0, min(exchange.body_bytes, int(through / self._network.wire_overhead + 1e-6)))

    def cancel(self, exchange: Exchange) -> None:
        """Give up a stoppable exchange; what arrived until now counts as received. Twice is once."""
        if exchange.cancelled:
            return
        exchange.received_bytes = self.arrived_bytes(exchange)
        exchange.cancelled = True
        self._world.cut.requests += 1
        self._world.cut.body_bytes += exchange.received_bytes
        self._world.cut.wire_bytes += exchange.wire_bytes
        if exchange.flow is not None:
            self._world.cut.wire_bytes += self._world.links.cancel(exchange.flow)
            if exchange.stopped is not None and not exchange.stopped.triggered:
                exchange.stopped.succeed()

    def _connect(self, pool: Pool, timeline: Timeline) -> Generator[Event, Any, Connection]:
        world, network = self._world, self._network
        if pool.idle:
            connection = pool.idle.pop()
            self._shrink_idle_window(connection)
            return connection
        connection = Connection(world.next_connection())
        handshake_s = (1 + network.registry.tls_round_trips) * network.rtt_s
        if handshake_s > 0:
            yield from world.wait(handshake_s, ROUND_TRIP, timeline)
        return connection

    def _shrink_idle_window(self, connection: Connection) -> None:
        """RFC 2861 as Linux does it: half the window for each time-out spent idle, not below the initial one."""
        timeout_s = MIN_RETRANSMISSION_TIMEOUT_S + self._network.rtt_s + connection.queued_s
        halvings = int((self._world.env.now - connection.idle_since_s) / timeout_s)
        if halvings:
            connection.window_bytes = max(INITIAL_WINDOW_BYTES, connection.window_bytes / 2 ** min(halvings, 60))

    def _token(self, connection: Connection, timeline: Timeline) -> Process:
        """The first request of a client is refused with a challenge, the token fetched, the request repeated."""
        refused = Exchange("token", "token", (), 0, timeline)
        yield from self._answered(connection, refused, status=401)
        granted = Exchange("token", "token", (), TOKEN_BODY_BYTES, timeline)
        yield from self._answered(connection, granted, status=200)

    def _answered(self, connection: Connection, exchange: Exchange, *, status: int) -> Process:
        start_s = self._world.env.now
        yield from self._first_byte(exchange)
        yield from self._body(connection, exchange)
        exchange.received_bytes = exchange.body_bytes
        self._log(start_s, exchange, connection, status=status)

    def _first_byte(self, exchange: Exchange) -> Process:
        world, network = self._world, self._network
        registry_s = world.host.request_s + network.registry.service_s
        registry_s += world.registry.queue_s(world.env.now + network.rtt_s / 2)
        round_trip_s = network.rtt_s
        if network.registry.redirect and exchange.blob.startswith("sha256:"):
            round_trip_s += network.rtt_s
            registry_s += network.registry.service_s
        yield from world.wait(round_trip_s, ROUND_TRIP, exchange.timeline)
        yield from world.wait(registry_s, REGISTRY, exchange.timeline)

    def _body(self, connection: Connection, exchange: Exchange) -> Process:
        """Send the body through the link, window by window until acknowledgements keep up, then in one go.

        A window is sent as fast as the link lets it; the next, twice as large, follows a round trip after its start.
        The largest is the sender's buffer: from then on one of them goes out each round trip.
        """
        rtt_s, most = self._network.rtt_s, self._network.registry.window_bytes
        left = exchange.body_bytes * self._network.wire_overhead + self._network.request_wire_bytes
        while True:
            burst = min(left, connection.window_bytes) if rtt_s > 0 else left
            start_s = self._world.env.now
            yield from self._burst(exchange, burst)
            left -= burst
            connection.queued_s = self._world.env.now - start_s
            idle_s = rtt_s - connection.queued_s
            if exchange.cancelled or left <= 0:
                return
            if idle_s <= 0 or connection.window_bytes >= most:  # the link or the buffer holds it back from now on
                yield from self._stream(connection, exchange, left)
                return
            yield from self._world.wait(idle_s, ROUND_TRIP, exchange.timeline)
            connection.window_bytes = min(2 * connection.window_bytes, most)
            if exchange.cancelled:
                return

    def _stream(self, connection: Connection, exchange: Exchange, wire_bytes: float) -> Process:
        """Send the rest without a pause; each byte that is acknowledged makes the window larger by one."""
        most, start_s = self._network.registry.window_bytes, self._world.env.now
        yield from self._burst(exchange, wire_bytes, cap=most / self._network.rtt_s)
        connection.window_bytes = min(connection.window_bytes + wire_bytes, most)
        connection.queued_s = (self._world.env.now - start_s) * min(1.0, connection.window_bytes / wire_bytes)

    def _kept(self, kept: Event, exchange: Exchange) -> Process:
        """Wait until what has arrived is in the client's store too; it works on that while more arrives."""
        if not exchange.cancelled and not kept.processed:
            start_s = self._world.env.now
            yield kept
            exchange.timeline.add(INFLATE, start_s, self._world.env.now)

    def _burst(self, exchange: Exchange, wire_bytes: float, *, cap: float = inf) -> Process:
        world, start_s = self._world, self._world.env.now
        flow = exchange.flow = world.links.send(wire_bytes, self._path, cap=cap)
        yield self._end_of(exchange, flow)
        exchange.timeline.add(RATE, start_s, world.env.now)
        if not exchange.cancelled:
            exchange.flow = None
            exchange.wire_bytes += wire_bytes

    def _end_of(self, exchange: Exchange, flow: Flow) -> Event:
        """The event to wait for: the flow's own end, or `stopped` where a cancel may come first."""
        if not exchange.stoppable:
            return flow.done
        stopped = exchange.stopped = self._world.env.event()

        def pass_on(_: Event) -> None:
            if not stopped.triggered:
                stopped.succeed()

        flow.done.callbacks.append(pass_on)
        return stopped

    def _log(self, start_s: float, exchange: Exchange, connection: Connection, *, status: int = 0) -> None:
        code = status or (206 if exchange.ranges else 200)
        self.body_bytes += exchange.received_bytes
        if exchange.cause in DOCUMENT_CAUSES:
            self.document_bytes += exchange.received_bytes
        self._world.requests.add(
            self._node,
            start_s,
            self._world.env.now,
            blob=exchange.blob,
            ranges=exchange.ranges,
            bytes=exchange.received_bytes,
            status=code,
            cause=exchange.cause,
            connection=connection.number,
        )

"""One run: its clock, links, processors, registry and records. Everything that changes during a run hangs off it."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import simpy

from sim.core.host import Host
from sim.core.network import Network, Outage
from sim.core.result import SHARE_KINDS
from sim.engine.bucket import TokenBucket
from sim.engine.cpu import Cpu
from sim.engine.shared import SharedResource
from sim.engine.spans import Requests, Spans
from sim.model.timeline import INFLATE, Timeline

Process = Generator[simpy.Event, Any, None]

LINE_BYTES_S = 1.25e9  # what passes while a shaper has tokens: 10 Gbit/s, as a veth pair or a server's card


class RegistryService:
    """Starts at most `requests_s` requests a second, in order of arrival."""

    def __init__(self, requests_s: float) -> None:
        self._interval_s = 1.0 / requests_s
        self._free_at_s = 0.0

    def queue_s(self, arrival_s: float) -> float:
        """How long a request that arrives then must wait for its turn; takes the turn."""
        start_s = max(arrival_s, self._free_at_s)
        self._free_at_s = start_s + self._interval_s
        return start_s - arrival_s


@dataclass(slots=True)
class CutShort:
    """Requests that were given up: how many, and what of them had crossed the link."""

    requests: int = 0
    body_bytes: int = 0
    wire_bytes: float = 0.0


class World:
    """The run object: one registry, `nodes` nodes with a link each, and what happened so far."""

    def __init__(self, env: simpy.Environment, links: SharedResource, host: Host, network: Network, nodes: int) -> None:
        self.env = env
        self.links = links  # amounts are bytes on the wire
        self.host = host
        self.network = network
        self.registry = RegistryService(network.registry.requests_s)
        self.requests = Requests()
        self.cut = CutShort()
        self.spans = Spans()
        self.registry_link = self.links.link(network.registry.rate_bytes_s)
        self._shapers = [_shaper(links, network) for _ in range(nodes)]
        self.paths = [(self.registry_link, shaper.link) for shaper in self._shapers]
        self._cpus = [Cpu(env, float(host.cores)) for _ in range(nodes)]
        self._decoding = [0] * nodes
        self.cpu_s = [0.0] * len(SHARE_KINDS)  # CPU seconds asked for, by kind, all nodes
        self._connections = 0
        for outage in network.outages:
            self.env.process(self._outage(outage))

    def next_connection(self) -> int:
        """Number of a newly opened connection, counted from 0 in this run."""
        self._connections += 1
        return self._connections - 1

    @property
    def connections(self) -> int:
        """Connections opened so far."""
        return self._connections

    def link_body_bytes(self, requests: int) -> int:
        """Body bytes that crossed the registry link, from what the link carried; `requests`: all that were sent."""
        whole = requests - self.cut.requests
        wire_bytes = self.links.carried(self.registry_link) - self.cut.wire_bytes
        bodies = (wire_bytes - whole * self.network.request_wire_bytes) / self.network.wire_overhead
        return round(bodies) + self.cut.body_bytes

    def wait(self, seconds: float, kind: int, timeline: Timeline) -> Process:
        """Let time pass for a reason."""
        if seconds > 0:
            start_s = self.env.now
            yield self.env.timeout(seconds)
            timeline.add(kind, start_s, self.env.now)

    def work(self, node: int, seconds: float, kind: int, timeline: Timeline) -> Process:
        """Use one core of a node for so many CPU seconds; takes longer when the cores are shared."""
        if seconds > 0:
            start_s = self.env.now
            self.cpu_s[kind] += seconds
            yield self._cpus[node].work(seconds)
            timeline.add(kind, start_s, self.env.now)

    def keep(self, node: int, body_bytes: int, pieces: int) -> simpy.Event:
        """Let a node's client write an answer to its store, as so many files, and hash or read it; work on one core.

        What the network itself takes of the node's cores passes beside it.
        """
        self._cpus[node].work(body_bytes * self.network.node_s_per_byte)
        seconds = body_bytes * self.host.region_s_per_byte + pieces * self.host.region_s
        self.cpu_s[INFLATE] += seconds
        return self._cpus[node].work(seconds)

    def decode(self, node: int, seconds: float, kind: int, timeline: Timeline) -> Process:
        """Work of the lazy client on one core, beside which its garbage collector works on another."""
        beside_s = seconds * self.host.decode_beside
        self.cpu_s[kind] += beside_s
        self._cpus[node].work(beside_s)
        self._decoding[node] += 1
        yield from self.work(node, seconds, kind, timeline)
        self._decoding[node] -= 1

    def decodes_on_all_cores(self, node: int) -> bool:
        """Say whether as many decodes are under way on a node as it has cores."""
        return self._decoding[node] >= self.host.cores

    def _outage(self, outage: Outage) -> Process:
        yield self.env.timeout(outage.start_s)
        for shaper in self._shapers:
            shaper.hold()
        yield self.env.timeout(outage.duration_s)
        for shaper in self._shapers:
            shaper.let_go()


def _shaper(links: SharedResource, network: Network) -> TokenBucket:
    """A node's link: its rate, and the bucket of the shaper in front where the network has one."""
    bucket_bytes = network.bucket_bytes if network.rate_bytes_s < LINE_BYTES_S else 0
    return TokenBucket(links, rate_bytes_s=network.rate_bytes_s, bucket_bytes=bucket_bytes, peak_bytes_s=LINE_BYTES_S)

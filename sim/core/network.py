"""`Network`: the way from the node to the registry, and the registry itself."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """The link carries nothing for a while."""

    start_s: float
    duration_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """The registry behind the link.

    service_s: from the last byte of a request to the first byte of its answer, without the round trip.
    requests_s: most requests it starts per second; infinite by default.
    token: an anonymous token must be fetched before the first blob (one extra request).
    redirect: blobs are answered by a redirect to a storage host (one extra round trip each GET).
    tls_round_trips: 0 plain HTTP, 1 TLS 1.3, 2 TLS 1.2.
    window_bytes: most that its kernel lets a connection have under way, on the wire. Linux: tcp_wmem, 4 MiB at most,
    of which bookkeeping takes about a third (docs/model.md, "Connection").
    """

    service_s: float = 0.001
    requests_s: float = float("inf")
    rate_bytes_s: float = float("inf")
    token: bool = False
    redirect: bool = False
    tls_round_trips: int = 0
    window_bytes: int = 2_900_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """Rate, delay and registry of one run; all nodes share the registry's link.

    rate_bytes_s: of a node's link, on the wire.
    rtt_s: round trip node ↔ registry.
    wire_overhead: bytes on the wire per body byte. 1.0456 measured at MTU 1500 (docs/model.md).
    request_wire_bytes: request and answer headers on the wire of one request.
    bucket_bytes: token bucket of the shaper; a burst of this size passes at once.
    node_s_per_byte: processor seconds of the node that a body byte costs where link and registry run on the node's own
    cores, as in a testbed; 0 elsewhere.
    """

    rate_bytes_s: float
    rtt_s: float
    wire_overhead: float = 1.0456
    request_wire_bytes: int = 420
    bucket_bytes: int = 0
    node_s_per_byte: float = 0.0
    outages: tuple[Outage, ...] = ()
    registry: Registry = field(default_factory=Registry)

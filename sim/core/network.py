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
    """

    service_s: float = 0.001
    requests_s: float = float("inf")
    rate_bytes_s: float = float("inf")
    token: bool = False
    redirect: bool = False
    tls_round_trips: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """Rate, delay and registry of one run; all nodes share the registry's link.

    rate_bytes_s: of a node's link, on the wire.
    rtt_s: round trip node ↔ registry.
    wire_overhead: bytes on the wire per body byte. 1.0456 measured at MTU 1500 (docs/model.md).
    request_wire_bytes: request and answer headers on the wire of one request.
    bucket_bytes: token bucket of the shaper; a burst of this size passes at once.
    """

    rate_bytes_s: float
    rtt_s: float
    wire_overhead: float = 1.0456
    request_wire_bytes: int = 420
    bucket_bytes: int = 0
    outages: tuple[Outage, ...] = ()
    registry: Registry = field(default_factory=Registry)

"""The registry's own log of what it was asked: lines of nginx → requests with causes. Pure."""

import re
from collections.abc import Iterable

import msgspec

RANGE = re.compile(r"bytes=(\d+-\d+(?:,\s*\d+-\d+)*)")


class Request(msgspec.Struct, frozen=True):
    """One answered request: a line of the log (`sim.testbed.registry.LOG_FIELDS`). Times in seconds, bytes of body."""

    ended: float
    took: float
    method: str
    uri: str
    range: str
    status: int
    bytes: int
    sent: int
    connection: int
    nth: int
    agent: str
    head: str = ""

    @property
    def started(self) -> float:
        """When its first byte arrived at the registry."""
        return self.ended - self.took

    @property
    def ranges(self) -> list[tuple[int, int]]:
        """The byte ranges it asked for, first and last byte of each; none for a whole blob."""
        found = RANGE.fullmatch(self.range)
        if found is None:
            return []
        pairs = [part.strip().split("-") for part in found.group(1).split(",")]
        return [(int(first), int(last)) for first, last in pairs]

    @property
    def blob(self) -> str | None:
        """The digest it asks for, or None if it is not for a blob."""
        _, found, digest = self.uri.partition("/blobs/")
        return digest if found and digest.startswith("sha256:") else None


def parse_log(lines: Iterable[bytes]) -> list[Request]:
    """The requests of a log in the order of their ends. Raises `msgspec.DecodeError` on a torn line."""
    return [msgspec.json.decode(line, type=Request) for line in lines if line.strip()]


def layer_ranges(requests: Iterable[Request]) -> list[Request]:
    """The range requests for blobs: what a lazy mount consists of. A full pull has none."""
    return [request for request in requests if request.blob and request.ranges and request.method == "GET"]


def whole_blobs(requests: Iterable[Request], layers: Iterable[str]) -> list[Request]:
    """The GETs of a whole layer: proof that a pull was not lazy."""
    wanted = set(layers)
    return [
        request for request in requests if request.blob in wanted and request.method == "GET" and not request.ranges
    ]

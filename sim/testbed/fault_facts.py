"""What came of a fault on the real stack, as it is stored, and how it is drawn from logs. Pure."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import msgspec

from sim.testbed.requests import Request

LINE_ENDS = (160, 200)  # characters kept of a long line: its begin, and its end, where the cause stands
TIME = re.compile(r'^time="?\S+"? |,"time":"[^"]*"')  # as logrus writes it, as text and as JSON
COMMAND = re.compile(r"`lazypull-client [^`]*`( failed: lazypull-client:)?")
DIGEST = re.compile(r"(sha256:[0-9a-f]{12})[0-9a-f]{52}")
TROUBLE = re.compile(r'level(=|":")(warning|error|fatal|panic)|\b(panic|fatal error):')

HARMLESS = "cleaning up dead shim"  # containerd warns so after every container that is killed once it is ready


class Asked(msgspec.Struct, frozen=True):
    """A run's requests as the registry logged them. answered: count by HTTP status; again: asked before alike."""

    answered: dict[str, int]
    again: int
    bytes: int
    connections: int


class Retry(msgspec.Struct, frozen=True):
    """A second container of the same image on the same node, once the fault is undone."""

    total_s: float | None
    error: str | None


class Predicted(msgspec.Struct, frozen=True):
    """Seconds until ready as the model has it, without the outage and with it at the measured time."""

    without_s: float
    with_s: float
    model_version: str


class Facts(msgspec.Struct, frozen=True):
    """One scenario on the real stack. Instants in seconds since the client asked.

    normal_s, phases_s: the phases without the fault and with it (None if it failed). ended_s: when the client ended,
    ready or not. happened_s, undone_s: when the fault was there. seen: what lazy mounts answered then and after.
    repeated_s: seconds until ready of further tries of the same, None where it failed.
    logs: telling last lines by program. disk_used: bytes on a small disk at the end. remains: what was left on the
    machine after `down`.
    """

    scenario: str
    date: str
    status: Literal["ready", "failed"]
    normal_s: dict[str, float]
    normal_asked: Asked
    asked: Asked
    ended_s: float
    phases_s: dict[str, float] | None = None
    error: str | None = None
    repeated_s: list[float | None] = []
    happened_s: float | None = None
    undone_s: float | None = None
    seen: list[str] = []
    logs: dict[str, list[str]] = {}
    disk_used: int | None = None
    retry: Retry | None = None
    model: Predicted | None = None
    remains: list[str] = []


class Record(msgspec.Struct, frozen=True):
    """All scenarios that were tried on one machine."""

    machine: dict[str, Any]
    faults: list[Facts]


def updated(record: Record | None, machine: Mapping[str, Any], new: Iterable[Facts]) -> Record:
    """A record with these facts in place of older ones on the same scenarios."""
    merged = {facts.scenario: facts for facts in [*([] if record is None else record.faults), *new]}
    return Record(dict(machine), list(merged.values()))


def asked(requests: Iterable[Request]) -> Asked:
    """Count what a node asked for. `/v2/` is the testbed's own question whether the registry is there."""
    theirs = [request for request in requests if request.uri != "/v2/"]
    alike = Counter((request.method, request.uri, request.range) for request in theirs)
    return Asked(
        answered=dict(sorted(Counter(str(request.status) for request in theirs).items())),
        again=sum(count - 1 for count in alike.values()),
        bytes=sum(request.bytes for request in theirs),
        connections=len({request.connection for request in theirs}),
    )


def telling_lines(log: str, *, most: int = 2) -> list[str]:
    """The last lines of a log that tell of trouble, without time stamps and repetitions."""
    lines = [TIME.sub("", line.strip()) for line in log.splitlines() if _is_trouble(line)]
    return [_shortened(line) for line in list(dict.fromkeys(reversed(lines)))[:most][::-1]]


def _is_trouble(line: str) -> bool:
    return TROUBLE.search(line) is not None and HARMLESS not in line


def last_lines(output: str, *, most: int = 3) -> list[str]:
    """The last lines a program wrote, whatever they are."""
    return [_shortened(line.strip()) for line in output.splitlines() if line.strip()][-most:]


def _shortened(line: str) -> str:
    begin, end = LINE_ENDS
    return line if len(line) <= begin + end else f"{line[:begin]} … {line[-end:]}"


def scrubbed(text: str, places: Mapping[str, str]) -> str:
    """A text without this machine's paths and addresses, the client's command line and the tails of digests.

    places: what to put instead, by what is there.
    """
    for there, instead in places.items():
        text = text.replace(there, instead)
    return DIGEST.sub(r"\1…", COMMAND.sub("the client:", text)).strip()

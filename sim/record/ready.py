"""Readiness rules: what must hold for a container to count as ready, as text and as a value.

`exit`, `line:REGEX`, `tcp:PORT`, `http:PORT/PATH`, `mark:NAME`.
"""

import http.client
import re
import socket
from dataclasses import dataclass

from sim.core.errors import BadInput

MARK_PREFIX = "lazypull-mark "  # a line of output that starts so is a mark; the rest is its name
PROBE_EVERY_S = 0.002
RULES = "exit, line:REGEX, tcp:PORT, http:PORT/PATH or mark:NAME"


@dataclass(frozen=True, slots=True)
class Exit:
    """The first process has ended with status 0."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of output matches `pattern` somewhere."""

    pattern: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class Mark:
    """The workload wrote the line `lazypull-mark NAME`."""

    name: str


@dataclass(frozen=True, slots=True)
class Tcp:
    """A connection to `port` on the container's loopback is accepted."""

    port: int


@dataclass(frozen=True, slots=True)
class Http:
    """GET `path` from `port` on the container's loopback is answered with status 200."""

    port: int
    path: str


Rule = Exit | Line | Mark | Tcp | Http


def parse_rule(text: str) -> Rule:
    """Read a rule. Raises `BadInput`."""
    kind, _, argument = text.partition(":")
    try:
        match kind:
            case "exit" if not argument:
                return Exit()
            case "line" if argument:
                return Line(re.compile(argument))
            case "mark" if argument:
                return Mark(argument)
            case "tcp":
                return Tcp(_port(argument))
            case "http":
                port, _, path = argument.partition("/")
                return Http(_port(port), f"/{path}")
    except (re.error, ValueError) as error:
        raise BadInput(f"readiness {text!r}: {error}; use {RULES}") from None
    raise BadInput(f"readiness {text!r} is no rule; use {RULES}")


def mark_in(line: str) -> str | None:
    """Give the name of the mark a line of output sets, None if it sets none."""
    return line.removeprefix(MARK_PREFIX).strip() if line.startswith(MARK_PREFIX) else None


def holds_for_line(rule: Rule, line: str) -> bool:
    """Tell whether a line of output (without its end) makes the rule hold."""
    match rule:
        case Line(pattern):
            return pattern.search(line) is not None
        case Mark(name):
            return mark_in(line) == name
    return False


def holds_for_probe(rule: Tcp | Http, timeout_s: float) -> bool:
    """Ask the container, from within its network namespace, whether the rule holds now."""
    match rule:
        case Tcp(port):
            try:
                socket.create_connection(("127.0.0.1", port), timeout_s).close()
            except OSError:
                return False
            return True
        case Http(port, path):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
            try:
                connection.request("GET", path)
                return connection.getresponse().status == http.client.OK
            except (OSError, http.client.HTTPException):
                return False
            finally:
                connection.close()


def _port(text: str) -> int:
    port = int(text)
    if not 0 < port < 1 << 16:
        raise ValueError(f"port {port} is not between 1 and 65535")
    return port

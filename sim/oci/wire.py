"""HTTP requests over kept connections: one request, one answer, every failure of the network a `Fault`."""

import http.client
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import SplitResult

from sim.core.errors import BadInput
from sim.oci.access import RegistryAccess
from sim.oci.retry import Fault
from sim.oci.transfer import PIECE_BYTES
from sim.oci.urls import shown, split

IDLE_MAX = 4  # connections kept a host
DRAIN_BYTES_MAX = 1 << 16  # read off an unwanted body to keep its connection; a longer one is cheaper to cut
SEND_BYTES = 1 << 16
Address = tuple[str, str]  # scheme, host with port


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request. `body` gives the pieces anew at each call, `length` bytes in all."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Callable[[], Iterable[bytes]] | None = None
    length: int = 0


class Answer:
    """An answer whose body is still to be read. Close it, or use it in a `with` statement."""

    def __init__(self, wire: "Wire", address: Address, connection: http.client.HTTPConnection, url: str) -> None:
        self._wire = wire
        self._address = address
        self._connection = connection
        self._response = connection.getresponse()
        self.url = url
        self.status = self._response.status

    def header(self, name: str) -> str | None:
        """One header."""
        return self._response.getheader(name)

    def headers(self, name: str) -> list[str]:
        """Every header of a name."""
        return self._response.headers.get_all(name) or []

    def read(self, size: int) -> bytes:
        """At most `size` bytes, none at the end. Raises `Fault`; a short body is the caller's to notice."""
        try:
            return self._response.read(size)
        except (OSError, http.client.HTTPException) as error:
            raise Fault(f"{shown(self.url)}: the body broke off ({_why(error)})") from None

    def small(self, limit: int) -> bytes:
        """The whole body. Raises `BadInput` if it is longer than `limit` bytes, `Fault` if it breaks off."""
        promised = self.header("Content-Length")
        body = bytearray()
        while piece := self.read(min(PIECE_BYTES, limit + 1 - len(body))):
            body += piece
            if len(body) > limit:
                raise BadInput(f"{shown(self.url)}: answered with over {limit} bytes where a small document belongs")
        if promised and promised.isdecimal() and len(body) < int(promised):
            raise Fault(f"{shown(self.url)}: the body broke off after {len(body)} of {promised} bytes")
        return bytes(body)

    def close(self) -> None:
        """Keep the connection if the body was read or is short, cut it else."""
        try:
            if not self._response.isclosed():
                self._response.read(DRAIN_BYTES_MAX)
            if self._response.isclosed() and not self._response.will_close:
                self._wire.keep(self._address, self._connection)
                return
        except (OSError, http.client.HTTPException):
            pass
        self._response.close()
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class Wire:
    """Connections to any hosts; threads may share it."""

    def __init__(self, access: RegistryAccess) -> None:
        self._access = access
        self._idle: dict[Address, list[http.client.HTTPConnection]] = {}
        self._lock = threading.Lock()
        self._tls: ssl.SSLContext | None = None

    def send(self, request: Request) -> Answer:
        """Send a request and read the head of the answer. Raises `Fault`, or `BadInput` for what does not pass."""
        parts = split(request.url)
        address = (parts.scheme, parts.netloc)
        connection = self._take(address)
        if connection is not None and request.method in ("GET", "HEAD"):
            try:
                return self._exchange(request, parts, connection)
            except (OSError, http.client.HTTPException):
                connection.close()  # the other side closed it while it was idle
                connection = None
        connection = connection or self._connect(parts)
        try:
            return self._exchange(request, parts, connection)
        except ssl.SSLCertVerificationError as error:
            connection.close()
            why = error.verify_message
            raise BadInput(
                f"{parts.netloc}: certificate not trusted ({why}); pass the CA's file, or plain http"
            ) from None
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise Fault(f"{request.method} {shown(request.url)}: {_why(error)}") from None
        except ValueError as error:  # a name that cannot be looked up, such as one with an empty label
            connection.close()
            why = type(error).__name__
            raise BadInput(f"{shown(request.url)[:200]}: no address ({why}); ask the registry's operator") from None
        except BaseException:
            connection.close()
            raise

    def _exchange(self, request: Request, parts: SplitResult, connection: http.client.HTTPConnection) -> Answer:
        headers = {"User-Agent": "lazypull", **request.headers}
        if request.body is not None:
            headers["Content-Length"] = str(request.length)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request(request.method, target, request.body() if request.body else None, headers)
        return Answer(self, (parts.scheme, parts.netloc), connection, request.url)

    def _connect(self, parts: SplitResult) -> http.client.HTTPConnection:
        timeout_s = self._access.timeout_s
        host, port = parts.hostname or "", parts.port
        if parts.scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=timeout_s, blocksize=SEND_BYTES)
        context = self._context()
        return http.client.HTTPSConnection(host, port, timeout=timeout_s, blocksize=SEND_BYTES, context=context)

    def _context(self) -> ssl.SSLContext:
        with self._lock:
            if self._tls is None:
                self._tls = ssl.create_default_context()
                if self._access.ca_file is not None:
                    _trust(self._tls, str(self._access.ca_file))
            return self._tls

    def _take(self, address: Address) -> http.client.HTTPConnection | None:
        with self._lock:
            idle = self._idle.get(address)
            return idle.pop() if idle else None

    def keep(self, address: Address, connection: http.client.HTTPConnection) -> None:
        """Take back a connection that is free for the next request."""
        with self._lock:
            idle = self._idle.setdefault(address, [])
            if len(idle) < IDLE_MAX:
                idle.append(connection)
                return
        connection.close()

    def close(self) -> None:
        """Close every idle connection."""
        with self._lock:
            for connection in (kept for idle in self._idle.values() for kept in idle):
                connection.close()
            self._idle.clear()


def _trust(context: ssl.SSLContext, ca_file: str) -> None:
    try:
        context.load_verify_locations(ca_file)
    except (OSError, ssl.SSLError) as error:
        raise BadInput(
            f"{ca_file}: no certificates to trust in it ({error.strerror or error}); pass a PEM file"
        ) from None


def _why(error: Exception) -> str:
    match error:
        case TimeoutError():
            return "no answer in time"
        case socket.gaierror():
            return "the host's name is not known"
        case http.client.RemoteDisconnected() | http.client.BadStatusLine():
            return "closed without an answer"
        case OSError():
            return error.strerror or str(error)
        case _:
            return f"{type(error).__name__}"

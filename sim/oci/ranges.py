"""Random access to a registry's blob by Range requests, and the whole of it as a stream that resumes."""

import re
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Self

from sim.core.errors import BadBlob
from sim.core.source import check_range
from sim.oci.descriptor import Descriptor
from sim.oci.registry import Registry
from sim.oci.retry import Fault, Tries
from sim.oci.transfer import MEND, PIECE_BYTES, checked, writing
from sim.oci.urls import shown
from sim.oci.wire import Answer, Request

MOVED_ON_BYTES = 1 << 20  # since the last fault: enough to begin counting attempts anew
ANSWERED = (200, 206, 416)

_CONTENT_RANGE = re.compile(r"bytes (\d{1,19})-(\d{1,19})/(\d{1,19}|\*)")


class NoRanges(Exception):
    """The registry answered a Range with the whole blob."""


class RangedBlob:
    """A blob of a registry. Where a redirect led is asked again, without the registry, until it fails."""

    def __init__(self, registry: Registry, descriptor: Descriptor) -> None:
        self._registry = registry
        self._place = f"/blobs/{descriptor.digest}"
        self._redirected: str | None = None
        self.name = f"{registry.name}: blob {descriptor.digest}"
        self.size = descriptor.size

    def part(self, start: int, length: int) -> Iterator[bytes]:
        """The bytes of a range, however often the connection breaks. Raises `NoRanges` instead of reading on."""
        return self._pieces(start, start + length, skip=False)

    def whole(self) -> Iterator[bytes]:
        """All bytes, however often the connection breaks; without ranges, what was had is read again and dropped."""
        return self._pieces(0, self.size, skip=True)

    def _pieces(self, at: int, end: int, *, skip: bool) -> Iterator[bytes]:
        tries = self._registry.tries()
        fault_at = at
        while at < end:
            try:
                with self._open(at, end, tries) as answer:
                    whole = answer.status == 200
                    if whole and not skip and (at, end) != (0, self.size):
                        raise NoRanges
                    for piece in _body(answer, at if whole else 0, end - at):
                        at += len(piece)
                        yield piece
                if at < end:
                    raise Fault(f"{self.name}: the body broke off at byte {at} of {end}")
            except Fault as fault:
                if at - fault_at >= MOVED_ON_BYTES:
                    tries.moved_on()
                fault_at = at
                tries.again(fault)

    def _open(self, start: int, end: int, tries: Tries) -> Answer:
        headers = {} if (start, end) == (0, self.size) else {"Range": f"bytes={start}-{end - 1}"}
        answer = self._ask_redirected(headers) or self._ask_registry(headers, tries)
        try:
            self._check(answer, start, end)
        except BaseException:
            answer.close()
            raise
        return answer

    def _ask_redirected(self, headers: dict[str, str]) -> Answer | None:
        if self._redirected is None:
            return None
        try:
            answer = self._registry.once(Request(method="GET", url=self._redirected, headers=headers))
        except Fault:
            self._redirected = None
            raise
        if answer.status in ANSWERED:
            return answer
        answer.close()  # what was signed for a time has run out
        self._redirected = None
        return None

    def _ask_registry(self, headers: dict[str, str], tries: Tries) -> Answer:
        answer = self._registry.ask("GET", self._place, accept=ANSWERED, headers=headers, tries=tries)
        if answer.url != self._registry.url(self._place):
            self._redirected = answer.url
        return answer

    def _check(self, answer: Answer, start: int, end: int) -> None:
        where = f"{self.name} from {shown(answer.url)}"
        if answer.status == 416:
            raise BadBlob(f"{where}: has no bytes {start} to {end - 1} of the {self.size} promised; {MEND}")
        if answer.status == 200:
            length = answer.header("Content-Length")
            if length is not None and length.isdecimal() and int(length) != self.size:
                raise BadBlob(f"{where}: has {length} bytes, not {self.size} as promised; {MEND}")
            return
        got = _CONTENT_RANGE.fullmatch(answer.header("Content-Range") or "")
        if got is None or int(got[1]) != start or int(got[2]) >= end:
            raise BadBlob(f"{where}: asked for bytes {start} to {end - 1}, got others; ask the registry's operator")
        if got[3] not in ("*", str(self.size)):
            raise BadBlob(f"{where}: has {got[3]} bytes, not {self.size} as promised; {MEND}")


class RegistrySource:
    """Random access to a registry's blob. Close it, or use it in a `with` statement.

    A registry that answers a Range with the whole blob is asked once: the blob goes to an unnamed file, its digest
    is checked, and every read comes from there.
    """

    def __init__(self, registry: Registry, descriptor: Descriptor) -> None:
        self._blob = RangedBlob(registry, descriptor)
        self._descriptor = descriptor
        self._copy: IO[bytes] | None = None
        self._lock = threading.Lock()
        self.name = self._blob.name
        self.size = descriptor.size

    def read_at(self, offset: int, length: int) -> bytes:
        """Exactly `length` bytes from `offset`. Raises `BadBlob` when they are not all there."""
        check_range(self, offset, length)
        if length == 0:
            return b""
        if self._copy is None:
            try:
                return b"".join(self._blob.part(offset, length))
            except NoRanges:
                pass
        with self._lock:
            self._copy = self._copy or self._spooled()
            self._copy.seek(offset)
            return self._copy.read(length)

    def _spooled(self) -> IO[bytes]:
        copy: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as this source
        try:
            for piece in checked(self._blob.whole(), self._descriptor, self.name):
                with writing(Path(tempfile.gettempdir())):
                    copy.write(piece)
            copy.flush()
        except BaseException:
            copy.close()
            raise
        return copy

    def close(self) -> None:
        """Let go of the copy, if there is one."""
        if self._copy is not None:
            self._copy.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def _body(answer: Answer, skipped: int, length: int) -> Iterator[bytes]:
    """`length` bytes of a body after the first `skipped`; fewer if it ends before."""
    while skipped > 0 and (piece := answer.read(min(PIECE_BYTES, skipped))):
        skipped -= len(piece)
    while length > 0 and (piece := answer.read(min(PIECE_BYTES, length))):
        length -= len(piece)
        yield piece

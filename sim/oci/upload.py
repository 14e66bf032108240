"""Uploading a blob in chunks, going on where the registry says it is. Source: OCI distribution-spec v1.1, "Push"."""

import re
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from urllib.parse import quote

from sim.core.errors import BadInput, LazypullError
from sim.oci.descriptor import Descriptor
from sim.oci.registry import Registry, status_fault
from sim.oci.retry import RETRIED, Fault
from sim.oci.transfer import PIECE_BYTES, checked, pieces_of_file
from sim.oci.wire import Answer, Request

CHUNK_BYTES = 16 << 20  # lost at most when a connection breaks; and few enough requests not to matter
LOST = (404, 416)  # the upload is gone; the chunk does not begin where the last one ended
MIN_CHUNK_HEADER = "OCI-Chunk-Min-Length"

_RANGE = re.compile(r"(?:bytes=)?0-(\d+)")


def upload_blob(registry: Registry, descriptor: Descriptor, file: Path) -> None:
    """Upload `file` unless the registry has the blob. Raises `BadBlob`, `BadInput`, or `RunFailed` in the end.

    The file is checked against the descriptor before a byte of it is sent.
    """
    if has_blob(registry, descriptor):
        return
    for _ in checked(pieces_of_file(file), descriptor, str(file)):
        pass
    upload = _Upload(registry, descriptor, file)
    try:
        upload.run()
    except BaseException:
        upload.cancel()
        raise


def has_blob(registry: Registry, descriptor: Descriptor) -> bool:
    """Whether the registry has a blob already."""
    with registry.ask("HEAD", f"/blobs/{descriptor.digest}", accept=(200, 404)) as answer:
        return answer.status == 200


class _Upload:
    """One upload: where it goes on, and how many bytes the registry has of it."""

    def __init__(self, registry: Registry, descriptor: Descriptor, file: Path) -> None:
        self._registry = registry
        self._descriptor = descriptor
        self._file = file
        self._tries = registry.tries()
        self._chunk_bytes = CHUNK_BYTES
        self._url: str | None = None
        self._sent = 0

    def run(self) -> None:
        """Send all, then close the upload under the digest."""
        while True:
            try:
                url = self._url or self._begin()
                while self._sent < self._descriptor.size:
                    url = self._send_chunk(url)
                return self._close(url)
            except Fault as fault:
                self._tries.again(fault)
            if has_blob(self._registry, self._descriptor):
                return None  # only the answer was lost
            self._find_out()

    def cancel(self) -> None:
        """Tell the registry to forget the upload, if it can be told; it forgets by itself in the end."""
        if self._url is not None:
            with suppress(Fault, LazypullError):
                self._registry.once(Request(method="DELETE", url=self._url)).close()

    def _begin(self) -> str:
        url = self._registry.url("/blobs/uploads/")
        with self._answered(Request(method="POST", url=url, body=list), 202) as answer:
            least = answer.header(MIN_CHUNK_HEADER) or ""
            self._chunk_bytes = max(CHUNK_BYTES, int(least[:12]) if least.isdecimal() else 0)
            self._sent = 0
            return self._goes_on(answer)

    def _send_chunk(self, url: str) -> str:
        start = self._sent
        length = min(self._chunk_bytes, self._descriptor.size - start)
        headers = {"Content-Type": "application/octet-stream", "Content-Range": f"{start}-{start + length - 1}"}
        body = partial(_slice, self._file, start, length)
        request = Request(method="PATCH", url=url, headers=headers, body=body, length=length)
        with self._answered(request, 202) as answer:
            self._sent = start + length
            self._tries.moved_on()
            return self._goes_on(answer)

    def _close(self, url: str) -> None:
        joined = f"{url}{'&' if '?' in url else '?'}digest={quote(self._descriptor.digest, safe='')}"
        self._answered(Request(method="PUT", url=joined, body=list), 201).close()

    def _find_out(self) -> None:
        """After a fault: how much the registry has, and where it wants the rest; begin anew if it cannot tell."""
        if self._url is None:
            return
        try:
            answer = self._registry.once(Request(method="GET", url=self._url))
        except Fault:
            return  # the next request will tell
        with answer:
            had = _RANGE.fullmatch(answer.header("Range") or "")
            last = int(had[1]) if answer.status == 204 and had else -1
            if 0 <= last < self._descriptor.size:
                self._sent = last + 1 if last else 0  # distribution says 0-0 of an upload that has nothing
                if answer.header("Location"):
                    self._goes_on(answer)
            else:
                self._url = None

    def _goes_on(self, answer: Answer) -> str:
        self._url = self._registry.location(answer)
        return self._url

    def _answered(self, request: Request, status: int) -> Answer:
        """Send once. Raises `Fault` for what may pass; a lost upload and a wrong offset are begun anew."""
        answer = self._registry.once(request)
        if answer.status == status:
            return answer
        with answer:
            if self._url is not None and answer.status in LOST:
                self.cancel()
                self._url = None
            elif answer.status not in RETRIED:
                raise self._registry.refusal(request.method, answer)
            raise status_fault(request.method, answer)


def _slice(file: Path, start: int, length: int) -> Iterator[bytes]:
    try:
        with file.open("rb") as stream:
            stream.seek(start)
            while length > 0 and (piece := stream.read(min(PIECE_BYTES, length))):
                length -= len(piece)
                yield piece
    except OSError as error:
        raise BadInput(
            f"{file}: cannot read it ({error.strerror}); it went away during the upload, try again"
        ) from None
    if length:
        raise BadInput(f"{file}: became shorter during the upload; leave it alone and try again")

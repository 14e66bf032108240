"""The TOC as it grows: JSON in a file without a name, so that memory does not grow with the layer."""

import hashlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from sim.core.errors import BadBlob
from sim.formats.estargz.toc import MAX_TOC_BYTES
from sim.formats.estargz.write_json import TOC_HEAD, TOC_TAIL, number_field, string_field
from sim.formats.estargz.write_parts import Chunk, Part

READ_BYTES = 1 << 20
UNKNOWN_DIGEST = "sha256:" + "0" * 64  # written over when all chunks of the file have been seen


class TocWriter:
    """Takes parts in blob order, each with the place of its chunk. Use it in a `with` statement."""

    def __init__(self, folder: Path, where: str) -> None:
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 (closed by __exit__)
        self._where = where
        self._size, self._between = 0, "\n"
        self._running, self._unknown_at = hashlib.sha256(), 0
        self._write(TOC_HEAD)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()

    @property
    def size(self) -> int:
        """Bytes of the JSON so far."""
        return self._size

    def hash_payload(self, chunk: Chunk, payload: bytes | memoryview) -> None:
        """Take the bytes of a chunk for the digest of its file; a file in one chunk needs none."""
        if not (chunk.first and chunk.last):
            self._running.update(payload)

    def add(self, part: Part, offset: int, inner_offset: int, digest: str) -> None:
        """Append the entries of a part. offset: of the unit its chunk is in; digest: of the chunk."""
        if part.chunk is not None:
            self._add_chunk(part.chunk, offset, inner_offset, digest)
        for text in part.texts:
            self._append(text)

    def close(self) -> str:
        """End the JSON; gives its digest."""
        self._write(TOC_TAIL)
        total = hashlib.sha256()
        for piece in self.pieces():
            total.update(piece)
        return f"sha256:{total.hexdigest()}"

    def pieces(self) -> Iterator[bytes]:
        """The JSON from its start."""
        self._file.seek(0)
        while piece := self._file.read(READ_BYTES):
            yield piece

    def _add_chunk(self, chunk: Chunk, offset: int, inner_offset: int, digest: str) -> None:
        place = number_field("offset", offset) + number_field("innerOffset", inner_offset)
        before = f"\t\t{{{chunk.text.before}{place}{chunk.text.after}"
        of_file = ""
        if chunk.first:
            of_file = string_field("digest", digest if chunk.last else UNKNOWN_DIGEST)
        after = (
            number_field("chunkOffset", chunk.file_offset)
            + number_field("chunkSize", chunk.stated_size)
            + string_field("chunkDigest", digest)
        )
        start = self._append(f"{before}{of_file}{after}\n\t\t}}")
        if chunk.first and not chunk.last:
            self._unknown_at = start + len(before.encode()) + of_file.index(UNKNOWN_DIGEST)
        if chunk.last and not chunk.first:
            self._write_file_digest()

    def _write_file_digest(self) -> None:
        """Put the digest of a file of several chunks where it belongs."""
        self._file.seek(self._unknown_at)
        self._file.write(f"sha256:{self._running.hexdigest()}".encode())
        self._file.seek(self._size)
        self._running = hashlib.sha256()

    def _append(self, text: str) -> int:
        """Append one object; gives where it starts."""
        self._write(self._between)
        self._between = ",\n"
        start = self._size
        self._write(text)
        return start

    def _write(self, text: str) -> None:
        data = text.encode()
        self._size += len(data)
        if self._size > MAX_TOC_BYTES:
            raise BadBlob(
                f"{self._where}: TOC is larger than the {MAX_TOC_BYTES} bytes that are read;"
                " convert with larger chunks, or split the layer"
            )
        self._file.write(data)

"""Parts packed into units and written in order: many at a time in threads, or one as it comes.

Which way a part goes depends on its size alone, so the bytes do not depend on the number of threads.
"""

import hashlib
from collections.abc import Iterable
from typing import IO

from sim.core.source import Source
from sim.formats.estargz.write_pack import PACK_MEMORY_BYTES, OpenUnit, Packer
from sim.formats.estargz.write_parts import Part
from sim.formats.estargz.write_toc import TocWriter
from sim.formats.estargz.write_window import PackedPart, PackWindow

PIECE_BYTES = 1 << 20  # of a part that goes piece by piece


class BlobOutput:
    """The blob as it is written, and what must be known of it. sizes in bytes."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.digest, self.diff = hashlib.sha256(), hashlib.sha256()
        self.size = self.raw_size = 0

    def write(self, packed: bytes) -> None:
        """Append packed bytes."""
        self._file.write(packed)
        self.digest.update(packed)
        self.size += len(packed)

    def count(self, raw: bytes | bytearray) -> None:
        """Take bytes of the tar for the diff ID."""
        self.diff.update(raw)
        self.raw_size += len(raw)


class UnitWriter:
    """Writes the parts of one tar."""

    def __init__(self, tar: Source, packer: Packer, output: BlobOutput, toc: TocWriter, *, min_bytes: int) -> None:
        self._tar, self._packer, self._output, self._toc = tar, packer, output, toc
        self._min_bytes = min_bytes
        self._unit: OpenUnit | None = None
        self._unit_start = self._unit_raw_start = 0

    def write(self, parts: Iterable[Part], workers: int) -> None:
        """Pack all parts in order. Raises `BadBlob`."""
        if self._min_bytes:  # where a unit ends depends on the packed bytes before
            for part in parts:
                self._stream(part)
        else:
            self._write_whole(parts, max(1, min(workers, PACK_MEMORY_BYTES // self._packer.memory_bytes)))
        self._end_unit()

    def _write_whole(self, parts: Iterable[Part], workers: int) -> None:
        window = PackWindow(self._packer, self._tar, self._write_packed, workers)
        with window:
            for part in parts:
                if part.opens and part.closes and part.raw_size <= self._packer.whole_bytes:
                    window.add(part)
                    continue
                window.drain()
                self._stream(part)
            window.drain()

    def _write_packed(self, done: PackedPart) -> None:
        chunk = done.part.chunk
        if chunk is not None:
            self._toc.hash_payload(chunk, memoryview(done.raw)[: chunk.size])
        self._toc.add(done.part, self._output.size, 0, done.digest)
        self._output.count(done.raw)
        self._output.write(done.packed)

    def _stream(self, part: Part) -> None:
        """Write one part piece by piece, into a unit of its own or behind what is in the open one."""
        chunk, digest = part.chunk, hashlib.sha256()
        offset = inner_offset = 0
        if chunk is not None:
            if self._needs_unit(part):
                self._end_unit()
                self._unit_start, self._unit_raw_start = self._output.size, self._output.raw_size
            offset, inner_offset = self._unit_start, self._output.raw_size - self._unit_raw_start
            for start in range(0, chunk.size, PIECE_BYTES):
                piece = chunk.read(self._tar, start, min(PIECE_BYTES, chunk.size - start))
                digest.update(piece)
                self._toc.hash_payload(chunk, piece)
                self._feed(piece)
        self._feed(bytes(part.tail))
        self._toc.add(part, offset, inner_offset, f"sha256:{digest.hexdigest()}")
        if part.closes and not self._min_bytes:
            self._end_unit()

    def _needs_unit(self, part: Part) -> bool:
        """Whether a chunk begins a unit: always, or when it is a landmark, or when the open one is long enough."""
        if self._unit is not None:
            self._output.write(self._unit.flush())
        is_landmark = part.chunk is not None and part.chunk.offset is None
        return is_landmark or self._output.size - self._unit_start >= self._min_bytes

    def _feed(self, piece: bytes) -> None:
        if self._unit is None:
            self._unit = self._packer.open()
        self._output.count(piece)
        self._output.write(self._unit.feed(piece))

    def _end_unit(self) -> None:
        if self._unit is not None:
            self._output.write(self._unit.finish())
            self._unit = None

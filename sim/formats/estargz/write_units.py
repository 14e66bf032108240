"""Parts packed into units and written in order: many at a time in threads, or piece by piece if too large for that.

Which way a part goes depends on its size alone, so the bytes do not depend on the number of threads.
"""

import hashlib
from collections.abc import Iterable
from typing import IO

from sim.core.source import Source
from sim.formats.estargz.write_pack import PACK_MEMORY_BYTES, OpenUnit, Packer
from sim.formats.estargz.write_parts import Part
from sim.formats.estargz.write_share import PackedUnit, UnitPacker
from sim.formats.estargz.write_toc import TocWriter
from sim.formats.estargz.write_window import PackWindow

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
    """Writes the parts of one tar. min_bytes: least packed bytes of a unit; 0 gives each part its own."""

    def __init__(self, tar: Source, packer: Packer, output: BlobOutput, toc: TocWriter, *, min_bytes: int) -> None:
        self._tar, self._packer, self._output, self._toc = tar, packer, output, toc
        self._min_bytes = min_bytes
        self._unit: OpenUnit | None = None

    def write(self, parts: Iterable[Part], workers: int) -> None:
        """Pack all parts in order. Raises `BadBlob`."""
        threads = max(1, min(workers, PACK_MEMORY_BYTES // self._packer.memory_bytes))
        whole = UnitPacker(self._packer, self._tar, self._min_bytes)
        with PackWindow(whole, self._write_packed, threads) as window:
            for part in parts:
                if part.opens and part.closes and part.raw_size <= self._packer.whole_bytes:
                    window.add(part)
                    continue
                window.drain()
                self._stream(part)
            window.drain()
        self._end_unit()

    def _write_packed(self, unit: PackedUnit) -> None:
        inner = 0
        for part, digest in zip(unit.parts, unit.digests, strict=True):
            if part.chunk is not None:
                self._toc.hash_payload(part.chunk, memoryview(unit.raw)[inner : inner + part.chunk.size])
            self._toc.add(part, self._output.size, inner, digest)
            inner += part.raw_size
        self._output.count(unit.raw)
        self._output.write(unit.packed)

    def _stream(self, part: Part) -> None:
        """Write one part piece by piece, into a unit of its own or behind what is in the open one."""
        chunk, digest, start = part.chunk, hashlib.sha256(), self._output.size
        if chunk is not None:
            for offset in range(0, chunk.size, PIECE_BYTES):
                piece = chunk.read(self._tar, offset, min(PIECE_BYTES, chunk.size - offset))
                digest.update(piece)
                self._toc.hash_payload(chunk, piece)
                self._feed(piece)
        self._feed(bytes(part.tail))
        self._toc.add(part, start, 0, f"sha256:{digest.hexdigest()}")
        if part.closes:
            self._end_unit()

    def _feed(self, piece: bytes) -> None:
        if self._unit is None:
            self._unit = self._packer.open()
        self._output.count(piece)
        self._output.write(self._unit.feed(piece))

    def _end_unit(self) -> None:
        if self._unit is not None:
            self._output.write(self._unit.finish())
            self._unit = None

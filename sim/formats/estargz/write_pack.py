"""The one seam to the compressors: units of a blob packed whole, or as they come.

libdeflate packs best and fastest but whole units only; zlib writes those that are too large for memory. gzip headers
are those of Go's compress/gzip: no name, no time, system 255 (RFC 1952, 2.3.1).
"""

import struct
import zlib
from typing import Protocol

import deflate
import zstandard

from sim.core.sharing import GZIP_WHOLE_BYTES
from sim.formats.estargz.options import WriteOptions

ZSTD_WHOLE_BYTES = 8 << 20  # the highest levels take 16 bytes of memory for each
XFL = {9: 2, 1: 4}  # hint "best compression", "best speed"; Go gives no other level one
RAW_DEFLATE_WBITS = -15
PACK_MEMORY_BYTES = 96 << 20  # of all packers at work together, apart from what they pack


class OpenUnit(Protocol):
    """A unit as it is written: feed it, finish it."""

    def feed(self, piece: bytes) -> bytes:
        """Packed bytes that came out of `piece`."""

    def finish(self) -> bytes:
        """The last packed bytes."""


class Packer(Protocol):
    """How units are packed. whole_bytes: longest unit that `pack` takes; memory_bytes: that one `pack` needs."""

    whole_bytes: int
    memory_bytes: int

    def pack(self, raw: bytes | bytearray) -> bytes:
        """One whole unit. Safe to call from several threads."""

    def open(self) -> OpenUnit:
        """A unit to be written piece by piece."""


def packer_of(options: WriteOptions) -> Packer:
    """The packer of a conversion."""
    return GzipPacker(options.level) if options.compression == "gzip" else ZstdPacker(options.level)


class GzipPacker:
    """Units as gzip members."""

    whole_bytes = GZIP_WHOLE_BYTES
    memory_bytes = 2 << 20

    def __init__(self, level: int) -> None:
        self._level = level
        self._head = b"\x1f\x8b\x08\0\0\0\0\0" + bytes([XFL.get(level, 0), 255])

    def pack(self, raw: bytes | bytearray) -> bytes:
        """One gzip member."""
        tail = struct.pack("<II", deflate.crc32(raw), len(raw) & 0xFFFFFFFF)
        return b"".join((self._head, deflate.deflate_compress(raw, self._level), tail))

    def open(self) -> OpenUnit:
        """A gzip member to be written piece by piece."""
        return _OpenMember(self._head, self._level)


class _OpenMember:
    """A gzip member as it is written."""

    def __init__(self, head: bytes, level: int) -> None:
        self._packer = zlib.compressobj(level, zlib.DEFLATED, RAW_DEFLATE_WBITS, 9)
        self._head, self._crc, self._size = head, 0, 0

    def feed(self, piece: bytes) -> bytes:
        self._crc = zlib.crc32(piece, self._crc)
        self._size += len(piece)
        return self._take_head() + self._packer.compress(piece)

    def finish(self) -> bytes:
        return self._take_head() + self._packer.flush() + struct.pack("<II", self._crc, self._size & 0xFFFFFFFF)

    def _take_head(self) -> bytes:
        head, self._head = self._head, b""
        return head


class ZstdPacker:
    """Units as zstd frames, with content size and checksum."""

    whole_bytes = ZSTD_WHOLE_BYTES

    def __init__(self, level: int) -> None:
        self._level = level
        # As for the longest whole unit, so that no unit needs a larger window than the others.
        self._open = zstandard.ZstdCompressionParameters.from_level(
            level, source_size=ZSTD_WHOLE_BYTES, write_checksum=True
        )
        self.memory_bytes = self._open.estimated_compression_context_size()

    def pack(self, raw: bytes | bytearray) -> bytes:
        """One zstd frame; parameters follow its size, as the library knows best."""
        return zstandard.ZstdCompressor(level=self._level, write_checksum=True).compress(raw)

    def open(self) -> OpenUnit:
        """A zstd frame to be written piece by piece."""
        return _OpenFrame(zstandard.ZstdCompressor(compression_params=self._open))


class _OpenFrame:
    """A zstd frame as it is written."""

    def __init__(self, packer: zstandard.ZstdCompressor) -> None:
        self._packer = packer.compressobj()

    def feed(self, piece: bytes) -> bytes:
        return self._packer.compress(piece)

    def finish(self) -> bytes:
        return self._packer.flush(zstandard.COMPRESSOBJ_FLUSH_FINISH)

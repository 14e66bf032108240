"""Gzip decoding in pieces of bounded size, whatever the ratio of compression."""

from collections.abc import Generator, Iterator
from typing import cast

from isal import isal_zlib
from isal.igzip_lib import IsalError

from sim.core.errors import BadBlob
from sim.core.source import Source

READ_BYTES = 1 << 16  # compressed bytes held at a time
PIECE_BYTES = 1 << 18  # most decoded bytes in one piece
GZIP_MAGIC = b"\x1f\x8b"  # RFC 1952, 2.3.1
DECODE_ERROR = cast(type[Exception], IsalError)  # the library's stub calls it an instance
GZIP_WBITS = 31  # zlib's code for "gzip header and trailer, window of 32 KiB"


def inflate_member(source: Source, offset: int, end: int) -> Iterator[bytes]:
    """Decode the one gzip member that starts at `offset` and ends at or before `end`.

    Yields pieces of at most `PIECE_BYTES`; its checksum has been checked once the iterator is exhausted.
    Raises `BadBlob` when the member is damaged or cut.
    """
    yield from _member(source, offset, end, b"")


def inflate_blob(source: Source) -> Iterator[bytes]:
    """Decode all gzip members of a blob one after another; zero padding after the last one is allowed.

    Yields pieces of at most `PIECE_BYTES`. Raises `BadBlob` when a member is damaged or cut.
    """
    position, rest = 0, b""
    while True:
        position, rest = yield from _member(source, position, source.size, rest)
        while position < source.size and not rest.strip(b"\0"):
            rest = source.read_at(position, min(READ_BYTES, source.size - position))
            position += len(rest)
        if not rest.strip(b"\0"):
            return


def _member(source: Source, position: int, end: int, data: bytes) -> Generator[bytes, None, tuple[int, bytes]]:
    """Decode one member; `data` are bytes already read before `position`. Returns where it stopped and what is left."""
    start = position - len(data)
    decoder = isal_zlib.decompressobj(wbits=GZIP_WBITS)
    while not decoder.eof:
        if not data and position < end:
            data = source.read_at(position, min(READ_BYTES, end - position))
            position += len(data)
        try:
            piece = decoder.decompress(data, PIECE_BYTES)
        except DECODE_ERROR as error:
            raise BadBlob(f"{source.name}: gzip member at byte {start} is damaged ({error}); fetch it again") from None
        if not (data or piece or decoder.eof):
            raise BadBlob(f"{source.name}: gzip member at byte {start} is cut at byte {end}; fetch the blob again")
        data = decoder.unconsumed_tail
        if piece:
            yield piece
    return position, decoder.unused_data

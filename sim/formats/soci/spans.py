"""The spans of a gzip layer: where decoding may start, and which bytes a client fetches to decode from there.

Source: soci-snapshotter, ztoc/compression/gzip_zinfo.c and .go. A span starts at the first boundary of deflate blocks
that lies more than the span size behind the start before, counted on decoded bytes. A boundary may lie inside a byte,
which both neighbours then have. In a blob of several gzip members spans here also start where a member does, and
boundaries are counted from there, not from the last start: spans there may differ by less than one span size.
"""

import io
import struct
from dataclasses import dataclass

import indexed_gzip  # type: ignore[import-untyped]
import numpy as np
import numpy.typing as npt

from sim.core.errors import BadBlob, BadInput
from sim.core.source import Source

SPAN_BYTES = 4 << 20  # soci/soci_index.go, defaultSpanSize
WINDOW_BYTES = 1 << 15  # of deflate (RFC 1951); indexed_gzip wants its points farther apart
MAX_SPAN_BYTES = 1 << 29  # it holds four times as much
EXPORT_HEAD = struct.Struct("<7s8x8x4x4xI")  # of an exported index (zran.h): magic, sizes, spacing, window, points
EXPORT_POINT = struct.Struct("<QQBx")  # place in the blob, in the decoded bytes, bits of the byte before
EXPORT_MAGIC = b"GZIDX"
MAX_POINTS = 1 << 24

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Spans:
    """Spans of one blob, in order. offset, size: bytes to fetch; raw_offset: of the first decoded byte.

    bits: how many bits of the byte at `offset` belong to the span, 0 for all of them.
    """

    offset: Ints
    size: Ints
    raw_offset: Ints
    bits: Ints


def whole(source: Source) -> Spans:
    """A blob without a zTOC: one span, decoded from its start."""
    zero = np.zeros(1, np.int64)
    return Spans(zero, np.array([source.size], np.int64), zero, zero)


def find_spans(source: Source, raw_size: int, *, span_bytes: int = SPAN_BYTES) -> Spans:
    """Decode a gzip blob and find its spans. raw_size: of the decoded bytes. Raises `BadBlob`, `BadInput`."""
    if not WINDOW_BYTES < span_bytes <= MAX_SPAN_BYTES:
        raise BadInput(
            f"span size of {span_bytes} bytes; it must be more than {WINDOW_BYTES}, at most {MAX_SPAN_BYTES}"
        )
    start, raw_start, bits = _starts(source, span_bytes + 1).T  # the library takes a boundary at this distance too
    kept = _far_enough(raw_start, span_bytes, raw_size)
    start, raw_start, bits = start[kept], raw_start[kept], bits[kept]
    offset = start - (bits > 0)
    return Spans(offset, np.append(start[1:], source.size) - offset, raw_start, bits)


def _starts(source: Source, distance: int) -> Ints:
    """Rows of place in the blob, place in the decoded bytes, bits; at least `distance` decoded bytes apart."""
    exported = _Head()
    try:
        with indexed_gzip.IndexedGzipFile(fileobj=_SourceFile(source), spacing=distance) as index:
            index.build_full_index()
            index.export_index(fileobj=exported)
    except (indexed_gzip.ZranError, OSError):  # a wrong checksum is an OSError
        raise BadBlob(f"{source.name}: gzip layer is damaged or cut; fetch it again") from None
    return exported.points(source)


def _far_enough(raw_start: Ints, span_bytes: int, raw_size: int) -> list[int]:
    """Rows that SOCI keeps: the first, and each more than a span behind the last kept; none at the end."""
    kept, last = [0], 0
    for row, place in enumerate(raw_start.tolist()):
        if last + span_bytes < place < raw_size:
            kept.append(row)
            last = place
    return kept


class _SourceFile(io.RawIOBase):
    """A blob as a file object."""

    def __init__(self, source: Source) -> None:
        self._source, self._position = source, 0

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        left = max(0, self._source.size - self._position)
        data = self._source.read_at(min(self._position, self._source.size), left if size < 0 else min(size, left))
        self._position += len(data)
        return data

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        self._position = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._source.size}[whence]
        return self._position

    def tell(self) -> int:
        return self._position


class _Head(io.RawIOBase):
    """Takes an exported index and keeps its table of points, not the windows behind it."""

    def __init__(self) -> None:
        self._data = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: bytes, /) -> int:  # type: ignore[override]
        if len(data) < WINDOW_BYTES:
            self._data += data
        return len(data)

    def points(self, source: Source) -> Ints:
        """The table. Raises `BadBlob` for one that is not understood or too large."""
        magic, count = EXPORT_HEAD.unpack_from(self._data)
        if magic[: len(EXPORT_MAGIC)] != EXPORT_MAGIC or not 0 < count < MAX_POINTS:
            raise BadBlob(f"{source.name}: gzip layer has {count} places to start from, which are not read")
        end = EXPORT_HEAD.size + count * EXPORT_POINT.size
        return np.array(list(EXPORT_POINT.iter_unpack(self._data[EXPORT_HEAD.size : end])), np.int64)

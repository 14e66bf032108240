"""Where the chunks of one layer would lie: gzip members, their sizes, and each chunk's place in them."""

from bisect import bisect_left
from dataclasses import dataclass

import numpy as np

from sim.plan.estimate_chunks import Chunks, cut_chunks
from sim.plan.estimate_members import Ints, Measured
from sim.plan.estimate_order import Order
from sim.plan.layout_options import LayoutOptions

GZIP_HEAD_BYTES, GZIP_TRAILER_BYTES = 10, 8  # RFC 1952, 2.3
FINISH_BYTES = 2  # an empty block ends what was flushed: RFC 1951, 3.2.6


@dataclass(frozen=True, eq=False)
class Places:
    """Chunks of one blob in its order, and the gzip members that hold them (`unit_…`).

    member: row among the measured ones. start, length: raw bytes in its file. unit: row among the units.
    inner: raw bytes before the chunk in its unit. landmark_offset: of the landmark's unit. end: of the last unit.
    raw_size: bytes of the tar, the TOC's entry not counted.
    """

    member: Ints
    start: Ints
    length: Ints
    unit: Ints
    inner: Ints
    unit_offset: Ints
    unit_size: Ints
    landmark_offset: int
    end: int
    raw_size: int


def place_layer(measured: Measured, order: Order, options: LayoutOptions) -> Places:
    """Cut files into chunks and put these into gzip members."""
    chunks = cut_chunks(measured, order.members, options)
    marked = int(np.argmax(chunks.member == order.members[order.landmark]))
    starts = _starts(chunks, options.min_chunk_size_bytes, marked)
    place = np.searchsorted(starts, np.arange(len(chunks.member)), side="right")  # 0: with the head of the blob
    added = np.where(np.isin(np.arange(len(place)), starts), chunks.alone, chunks.joined)
    deflated = np.bincount(place, weights=added, minlength=len(starts) + 1)
    deflated[0] += chunks.head
    around = GZIP_HEAD_BYTES + GZIP_TRAILER_BYTES + (FINISH_BYTES if options.min_chunk_size_bytes else 0)
    size = np.round(deflated).astype(np.int64) + around
    offset = np.cumsum(size) - size
    raw_before = np.cumsum(chunks.raw) - chunks.raw + chunks.head_raw
    begin = np.concatenate([[0], raw_before[starts]])
    first = 0 if len(starts) == 0 or starts[0] > 0 else 1  # the first member is a unit only if it holds a chunk
    return Places(
        member=chunks.member,
        start=chunks.start,
        length=chunks.length,
        unit=place - first,
        inner=raw_before - begin[place],
        unit_offset=offset[first:],
        unit_size=size[first:],
        landmark_offset=int(offset[place[marked]]),
        end=int(size.sum()),
        raw_size=chunks.head_raw + int(chunks.raw.sum()),
    )


def _starts(chunks: Chunks, min_chunk_size: int, landmark: int) -> Ints:
    """Chunks that open a gzip member.

    Source: estargz/estargz.go, `appendTar`: the member is flushed before each chunk and closed when it has reached
    the least size, and always before a landmark.
    """
    count = len(chunks.member)
    if min_chunk_size == 0:
        return np.arange(count)
    joined = np.concatenate([[0.0], np.cumsum(chunks.joined)])
    total, least = joined.tolist(), min_chunk_size - GZIP_HEAD_BYTES
    own = (chunks.alone - chunks.joined).tolist()
    starts: list[int] = []
    reached = chunks.head  # deflated bytes of the open member, less what `total` counts
    begin = 0
    while True:
        following = bisect_left(total, least - reached, begin, count)
        following = landmark if begin <= landmark < following else following
        if following >= count:
            return np.array(starts, np.int64)
        starts.append(following)
        reached = own[following] - total[following]
        begin = following + 1

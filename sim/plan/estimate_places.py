"""Where the chunks of one layer would lie: gzip members, their sizes, and each chunk's place in them."""

from dataclasses import dataclass

import numpy as np

from sim.plan.estimate_chunks import Chunks, cut_chunks
from sim.plan.estimate_members import GZIP_BYTES, Ints, Measured
from sim.plan.estimate_order import Order
from sim.plan.estimate_shared import deflated_members, member_starts
from sim.plan.layout_options import LayoutOptions


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
    raw_before = np.cumsum(chunks.raw) - chunks.raw + chunks.head_raw
    begin = np.concatenate([[0], raw_before[starts]])
    size = np.round(deflated_members(chunks, place, raw_before - begin[place])).astype(np.int64) + GZIP_BYTES
    offset = np.cumsum(size) - size
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
    """Chunks that open a gzip member."""
    if min_chunk_size == 0:
        return np.arange(len(chunks.member))
    return np.array(member_starts(chunks, min_chunk_size, landmark), np.int64)

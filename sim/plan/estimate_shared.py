"""Which chunks share a gzip member, and what these deflate to.

Source of the rule: sim.formats.estargz.write_share. Chunks come in batches, whose bounds depend on raw sizes; within
one, a member ends before the first chunk at which it has the least size, and a short last one joins the one before.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from sim.core.blocks import PART_BYTES, SHARED_BATCH_BYTES, SHARED_BATCH_UNITS, saved_behind
from sim.plan.estimate_chunks import Chunks
from sim.plan.estimate_members import Floats, Ints

GZIP_BYTES = 18  # head and trailer of a member: RFC 1952, 2.3
MOST_BATCH_BYTES = 16 << 20  # what gzip packs in memory whole: sim/formats/estargz/write_pack.py

Row = tuple[float, float, float, int]  # alone, close, near and raw of a chunk


def member_starts(chunks: Chunks, min_chunk_size: int, landmark: int) -> list[int]:
    """Chunks that open a member. What comes before the first of them is with the head of the blob."""
    least = max(1, min_chunk_size - GZIP_BYTES)
    rows = _rows(chunks)
    bounds = [*_batch_starts(chunks, min_chunk_size, landmark), len(rows)]
    starts = _starts(rows[: bounds[0]], 0, chunks.head, chunks.head_raw, least)
    for first, end in pairwise(bounds):
        starts += [first, *_starts(rows[first:end], first, 0.0, 0, least)]
    return starts


def deflated_members(chunks: Chunks, place: Ints, before: Ints) -> Floats:
    """Deflated bytes of each member. place: of each chunk; 0: with the head. before: raw bytes ahead in it."""
    rows = zip(_rows(chunks), before.tolist(), strict=True)
    added = [alone - saved_behind(close, near, ahead) for (alone, close, near, _), ahead in rows]
    deflated = np.bincount(place, weights=added, minlength=int(place.max()) + 1).astype(np.float64)
    deflated[0] += chunks.head
    return deflated


def _rows(chunks: Chunks) -> list[Row]:
    columns = (chunks.alone, chunks.close, chunks.near, chunks.raw)
    return list(zip(*(values.tolist() for values in columns), strict=True))


def _starts(rows: Sequence[Row], first: int, size: float, before: int, least: int) -> list[int]:
    """Chunks of one batch that open a member, but for its first. size, before: deflated and raw bytes ahead of it."""
    starts: list[int] = []
    for number, (alone, close, near, raw) in enumerate(rows, first):
        if size >= least:
            starts.append(number)
            size, before = 0.0, 0
        size += alone - saved_behind(close, near, before)
        before += raw
    if size < least and starts:
        starts.pop()
    return starts


def _batch_starts(chunks: Chunks, min_chunk_size: int, landmark: int) -> list[int]:
    """Chunks that open a batch; the landmark always does."""
    most = min(max(SHARED_BATCH_BYTES, SHARED_BATCH_UNITS * min_chunk_size), MOST_BATCH_BYTES)
    starts, size = [], PART_BYTES + chunks.head_raw + chunks.head_toc
    for number, added in enumerate((PART_BYTES + chunks.raw + chunks.toc).tolist()):
        if size + added > most or number == landmark:
            starts.append(number)
            size = 0
        size += added
    return starts

"""Which chunks share a gzip member, and what these deflate to. The rule is that of sim.core.sharing."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from sim.core.blocks import saved_behind
from sim.core.sharing import GZIP_WHOLE_BYTES, PART_BYTES, batch_bytes, joined_bytes, run_bytes
from sim.plan.estimate_chunks import Chunks
from sim.plan.estimate_members import GZIP_BYTES, Floats, Ints

Row = tuple[float, float, float, int, int]  # alone, close, near, raw and packed of a chunk


def member_starts(chunks: Chunks, min_chunk_size: int, landmark: int) -> list[int]:
    """Chunks that open a member. What comes before the first of them is with the head of the blob."""
    rows = _rows(chunks)
    bounds = [*_batch_starts(chunks, min_chunk_size, landmark), len(rows)]
    starts = _starts(rows[: bounds[0]], 0, min_chunk_size, size=chunks.head, before=chunks.head_raw)
    for first, end in pairwise(bounds):
        starts += [first, *_starts(rows[first:end], first, min_chunk_size)]
    return starts


def deflated_members(chunks: Chunks, place: Ints, before: Ints) -> Floats:
    """Deflated bytes of each member. place: of each chunk; 0: with the head. before: raw bytes ahead in it."""
    rows = zip(_rows(chunks), before.tolist(), strict=True)
    added = [alone - saved_behind(close, near, ahead) for (alone, close, near, *_), ahead in rows]
    deflated = np.bincount(place, weights=added, minlength=int(place.max()) + 1).astype(np.float64)
    deflated[0] += chunks.head
    return deflated


def _rows(chunks: Chunks) -> list[Row]:
    columns = (chunks.alone, chunks.close, chunks.near, chunks.raw, chunks.packed)
    return list(zip(*(values.tolist() for values in columns), strict=True))


def _starts(rows: Sequence[Row], first: int, min_chunk_size: int, *, size: float = 0.0, before: int = 0) -> list[int]:
    """Chunks of one batch that open a member, but for its first. size, before: deflated and raw bytes ahead of it."""
    least, enough = max(1, min_chunk_size - GZIP_BYTES), run_bytes(min_chunk_size)
    starts: list[int] = []
    run, runs, wanted = 0, 0, 1  # joined bytes of a run; runs of a member, and how many it is to have
    for number, (alone, close, near, raw, packed) in enumerate(rows, first):
        if run >= enough:
            run, runs = 0, runs + 1
            if runs == wanted and size >= least:
                starts.append(number)
                size, before, runs, wanted = 0.0, 0, 0, 1
            elif runs == wanted:
                wanted *= 2
        run += joined_bytes(packed)
        size += alone - saved_behind(close, near, before)
        before += raw
    if size < least and starts:
        starts.pop()
    return starts


def _batch_starts(chunks: Chunks, min_chunk_size: int, landmark: int) -> list[int]:
    """Chunks that open a batch; the landmark always does."""
    most = batch_bytes(min_chunk_size, GZIP_WHOLE_BYTES)
    starts, size = [], PART_BYTES + chunks.head_raw
    for number, added in enumerate((PART_BYTES + chunks.raw).tolist()):
        if size >= most or size + added > GZIP_WHOLE_BYTES or number == landmark:
            starts.append(number)
            size = 0
        size += added
    return starts

"""How many bytes a file deflates to, block by block, alone and behind each other.

A ladder of chunk sizes is compressed, each step four times the one before. What a longer chunk saves against the
shorter ones it is made of is shared out over the seams that vanished, so that a chunk of any size, starting anywhere,
can be added up from its blocks; for the sizes of the ladder the sum is exact.
"""

import itertools
from dataclasses import dataclass

import deflate

from sim.core.blocks import BLOCK_BYTES, MAX_CHUNK_BYTES
from sim.core.source import Source

LADDER = (BLOCK_BYTES, BLOCK_BYTES << 2, BLOCK_BYTES << 4, BLOCK_BYTES << 6, MAX_CHUNK_BYTES)  # 64 KiB … 16 MiB
LEVEL = 9  # the converter's default: stargz-snapshotter estargz/build.go, `options.compressionLevel`


@dataclass(frozen=True, slots=True)
class FileInTar:
    """A file with bytes: its `size` bytes at `offset`, its headers before them, and what follows up to the next one."""

    offset: int
    size: int
    header: bytes
    tail: bytes


@dataclass(frozen=True, slots=True)
class Deflated:
    """One file. packed, saved: columns of `sim.core.blocks`. tail_packed: what the tail adds to its last block."""

    packed: list[int]
    saved: list[int]
    tail_packed: int


def deflated_size(data: bytes) -> int:
    """Bytes of raw deflate data at the level that is measured."""
    return len(deflate.deflate_compress(data, LEVEL))


def deflate_file(tar: Source, file: FileInTar) -> Deflated:
    """Measure a file, 16 MiB at a time."""
    offset, size = file.offset, file.size
    packed = [deflated_size(tar.read_at(offset + at, length)) for at, length in _cut(size, BLOCK_BYTES)]
    saved = [0] * len(packed)
    costs = packed
    for below, step in itertools.pairwise(LADDER):
        if size <= below:
            break
        costs = _join(tar, file, costs, (below, step), saved)
    _beyond(saved)
    last = (len(packed) - 1) * BLOCK_BYTES
    end = tar.read_at(offset + last, size - last)
    return Deflated(packed, saved, deflated_size(end + file.tail) - packed[-1])


def _join(tar: Source, file: FileInTar, costs: list[int], steps: tuple[int, int], saved: list[int]) -> list[int]:
    """Cost of each chunk of the longer step; what it saves goes to the seams between those of the shorter one."""
    below, step = steps
    joined = []
    for number, (at, length) in enumerate(_cut(file.size, step)):
        parts = costs[number * step // below : (number + 1) * step // below]
        whole = deflated_size(tar.read_at(file.offset + at, length)) if len(parts) > 1 else parts[0]
        seams = [(at + part * below) // BLOCK_BYTES for part in range(1, len(parts))]
        for seam, share in zip(seams, _shares(sum(parts) - whole, len(seams)), strict=True):
            saved[seam] = share
        joined.append(whole)
    return joined


def _shares(total: int, count: int) -> list[int]:
    """Whole numbers, about equal, that add up to the total."""
    return [total * (number + 1) // count - total * number // count for number in range(count)]


def _beyond(saved: list[int]) -> None:
    """Give the seams that the longest chunks leave what the seams that vanished last saved on average."""
    longest, before = LADDER[-1] // BLOCK_BYTES, LADDER[-2] // BLOCK_BYTES
    left = range(longest, len(saved), longest)
    if left:
        known = [saved[seam] for seam in range(before, len(saved), before) if seam % longest]
        for seam in left:
            saved[seam] = sum(known) // len(known)


def _cut(size: int, step: int) -> list[tuple[int, int]]:
    """Start and length of the pieces of a file."""
    return [(start, min(step, size - start)) for start in range(0, size, step)]

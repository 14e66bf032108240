"""Measured blocks as columns, and what a piece of a file costs when it is compressed by itself."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from sim.core.blocks import BLOCK_BYTES, Blocks, entry_rows
from sim.core.bundle import column
from sim.core.sharing import STRIDE_BYTES

Ints = np.ndarray[Any, np.dtype[np.int64]]
Floats = np.ndarray[Any, np.dtype[np.float64]]

GZIP_BYTES = 18  # head and trailer of a member: RFC 1952, 2.3
LANDMARK_NAMES = {"prefetch": ".prefetch.landmark", "no_prefetch": ".no.prefetch.landmark"}  # estargz/types.go
LANDMARK_HEADER_BYTES = 512  # ustar
LANDMARK_HEADER_PACKED = 60  # libdeflate, level 9, of that header alone
LANDMARK_PACKED = 6  # its one byte as a stored deflate block
TOC_OBJECT = (
    '\t\t{{\n\t\t\t"name": "{name}",\n\t\t\t"type": "reg",\n\t\t\t"size": 1,\n'
    '\t\t\t"digest": "sha256:{digest}",\n\t\t\t"chunkDigest": "sha256:{digest}"\n\t\t}},\n'
)  # Go's MarshalIndent with a tab; the offset is counted with the places


@dataclass(frozen=True, eq=False)
class Measured:
    """Columns of `sim.core.blocks`, one value a member; behind the members the two landmarks.

    first_block: row of a member's first block; blocks: how many. cost: deflated bytes of all blocks before a block
    when each follows its predecessor; packed, saved: as measured. first_stride, alone: the same of strides, as
    sim.core.sharing counts them.
    """

    bounds: Ints  # first member of each layer, then one past the last
    toc_packed: tuple[list[int], list[int], list[int]]  # of each layer: whole files, chunks of 64 KiB, members shared
    entry: Ints  # row in the gzip layout's entries; not of the landmarks
    size: Ints
    header: Ints
    header_packed: Ints
    toc: Ints
    name: Ints
    first_block: Ints
    blocks: Ints
    cost: Ints
    packed: Ints
    saved: Ints
    first_stride: Ints
    alone: Ints
    close: Ints
    near: Ints
    file_number: Ints  # of a file among all that have bytes; of landmarks none that has a neighbour

    def layer_bounds(self, layer: int) -> tuple[int, int]:
        """First member of a layer and one past its last."""
        return int(self.bounds[layer]), int(self.bounds[layer + 1])

    def landmark(self, kind: str) -> int:
        """Member that stands for a landmark."""
        return int(self.bounds[-1]) + list(LANDMARK_NAMES).index(kind)

    def deflated(self, member: Ints, start: Ints, end: Ints) -> Floats:
        """Deflated bytes of pieces [start, end) of members that have bytes, each compressed by itself."""
        return self.follows(member, start, end) + np.where(start > 0, self._lost(member, start), 0.0)

    def follows(self, member: Ints, start: Ints, end: Ints) -> Floats:
        """The same for pieces that follow what lies before them in their file in one stream."""
        return self._cost_before(member, end) - self._cost_before(member, start)

    def packed_alone(self, member: Ints, start: Ints, end: Ints) -> Ints:
        """Packed bytes of pieces by themselves, as the writer counts them."""
        return self._alone_before(member, end) - self._alone_before(member, start)

    def _alone_before(self, member: Ints, offset: Ints) -> Ints:
        """The same of a member's bytes before an offset."""
        number = (offset - (offset == self.size[member])) // STRIDE_BYTES
        start = number * STRIDE_BYTES
        packed = self.packed[self.first_block[member] + start // BLOCK_BYTES] + GZIP_BYTES
        inside = packed * (offset - start) // np.minimum(BLOCK_BYTES, self.size[member] - start)
        alone: Ints = self.alone[self.first_stride[member] + number] + inside
        return alone

    def _cost_before(self, member: Ints, offset: Ints) -> Floats:
        """Cost of a member's bytes before an offset; within a block in proportion to its bytes."""
        number = np.minimum(offset // BLOCK_BYTES, self.blocks[member] - 1)
        inside = offset - number * BLOCK_BYTES
        length = np.minimum(BLOCK_BYTES, self.size[member] - number * BLOCK_BYTES)
        row = self.first_block[member] + number
        cost: Floats = self.cost[row] + (self.cost[row + 1] - self.cost[row]) * (inside / length)
        return cost

    def _lost(self, member: Ints, offset: Ints) -> Floats:
        """What starting anew at an offset loses; inside a block between what its two ends lose."""
        number = offset // BLOCK_BYTES
        last = self.blocks[member] - 1
        before, after = np.maximum(number, 1), np.minimum(number + 1, last)
        before, after = np.minimum(before, last), np.maximum(after, np.minimum(1, last))
        share = (offset - number * BLOCK_BYTES) / BLOCK_BYTES
        first = self.first_block[member]
        lost: Floats = (1 - share) * self.saved[first + before] + share * self.saved[first + after]
        return lost


def measured_of(blocks: Blocks) -> Measured:
    """Columns of a bundle, landmarks added."""
    members, layers = blocks.members, blocks.layers.num_rows
    layer, size = column(members, "layer"), column(members, "size")
    marks = len(LANDMARK_NAMES)
    objects = [len(TOC_OBJECT.format(name=name, digest="0" * 64)) for name in LANDMARK_NAMES.values()]
    sizes = _with(size, [1] * marks)
    counts = -(-sizes // BLOCK_BYTES)
    packed = _with(column(blocks.blocks, "packed"), [LANDMARK_PACKED] * marks)
    saved = _with(column(blocks.blocks, "saved"), [0] * marks)
    first = np.cumsum(counts) - counts
    cost = np.concatenate([[0], np.cumsum(packed - saved)])
    first_stride, alone = _strides(sizes, first, packed)
    return Measured(
        toc_packed=(
            blocks.layers.column("toc_packed").to_pylist(),
            blocks.layers.column("toc_packed_most").to_pylist(),
            blocks.layers.column("toc_packed_shared").to_pylist(),
        ),
        entry=entry_rows(members),
        bounds=np.searchsorted(layer, np.arange(layers + 1)).astype(np.int64),
        size=sizes,
        header=_with(column(members, "header"), [LANDMARK_HEADER_BYTES] * marks),
        header_packed=_with(column(members, "header_packed"), [LANDMARK_HEADER_PACKED] * marks),
        toc=_with(column(members, "toc"), objects),
        name=_with(column(members, "name"), [len(name) + 2 for name in LANDMARK_NAMES.values()]),
        first_block=first,
        blocks=counts,
        cost=cost,
        packed=packed,
        saved=saved,
        first_stride=first_stride,
        alone=alone,
        close=_with(column(members, "close"), [0] * marks),
        near=_with(column(members, "near"), [0] * marks),
        file_number=np.where(np.arange(len(sizes)) < len(size), np.cumsum(sizes > 0), -2 * len(sizes)),
    )


def _strides(size: Ints, first_block: Ints, packed: Ints) -> tuple[Ints, Ints]:
    """First stride of each member; packed bytes alone of all strides before each."""
    counts = -(-size // STRIDE_BYTES)
    first: Ints = np.cumsum(counts) - counts
    member = np.repeat(np.arange(len(size)), counts)
    start = (np.arange(len(member)) - first[member]) * STRIDE_BYTES
    left = size[member] - start
    block = packed[first_block[member] + start // BLOCK_BYTES] + GZIP_BYTES
    alone = block * np.minimum(left, STRIDE_BYTES) // np.minimum(left, BLOCK_BYTES)
    return first, np.cumsum(alone) - alone


def _with(values: Ints, more: list[int]) -> Ints:
    return np.concatenate([values.astype(np.int64), np.array(more, np.int64)])

"""The runs of a batch: parts that a unit holds all of or none. The rule is that of sim.core.sharing."""

from collections.abc import Sequence

from sim.core.blocks import BLOCK_BYTES
from sim.core.sharing import STRIDE_BYTES, joined_bytes, run_bytes
from sim.core.source import Source
from sim.formats.estargz.write_pack import Packer
from sim.formats.estargz.write_parts import Chunk, Part


def run_ends(parts: Sequence[Part], packer: Packer, tar: Source, min_bytes: int) -> list[int]:
    """End of each run of a batch. min_bytes: least packed bytes of a unit. Raises `BadBlob`."""
    alone, enough = _Alone(packer, tar), run_bytes(min_bytes)
    ends, size = [], 0
    for end, part in enumerate(parts[:-1], 1):
        if part.chunk is not None:
            size += alone.joined(part.chunk, enough - size)
        if size >= enough:
            ends.append(end)
            size = 0
    return [*ends, len(parts)]


class _Alone:
    """What chunks pack to by themselves. The last block that was packed is kept: the next chunk may begin near it."""

    def __init__(self, packer: Packer, tar: Source) -> None:
        self._packer, self._tar = packer, tar
        self._place, self._packed = -1, 0

    def joined(self, chunk: Chunk, enough: int) -> int:
        """Joined bytes of a chunk; of a long one no more blocks are packed than are enough."""
        alone, end = 0, chunk.file_offset + chunk.size
        for start in range(chunk.file_offset // STRIDE_BYTES * STRIDE_BYTES, end, STRIDE_BYTES):
            block = min(BLOCK_BYTES, chunk.file_size - start)
            packed = self._block(chunk, start, block)
            # As the estimate adds them up: what lies before the chunk's end less what lies before its start.
            alone += packed * min(end - start, STRIDE_BYTES) // block
            alone -= packed * max(chunk.file_offset - start, 0) // block
            if joined_bytes(alone) >= enough:
                break
        return joined_bytes(alone)

    def _block(self, chunk: Chunk, start: int, length: int) -> int:
        """Packed bytes of a block of the chunk's file."""
        place = (chunk.offset or 0) - chunk.file_offset + start
        if place != self._place:
            data = chunk.read(self._tar, start - chunk.file_offset, length)
            self._place, self._packed = place, len(self._packer.pack(data))
        return self._packed

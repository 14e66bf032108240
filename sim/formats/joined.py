"""How many bytes a file saves in a gzip member that it shares with what lies before it in the tar."""

from dataclasses import dataclass

from sim.core.blocks import BLOCK_BYTES, CLOSE_BYTES, WINDOW_BYTES
from sim.core.source import Source
from sim.formats.deflated import Deflated, FileInTar, deflated_size


@dataclass(frozen=True, slots=True)
class Joined:
    """One file: columns of `sim.core.blocks`."""

    close: int
    near: int


def join_file(tar: Source, file: FileInTar, deflated: Deflated) -> Joined:
    """Measure a file behind the bytes before it; of a larger one its first block, all that they can help."""
    first, alone = tar.read_at(file.offset, min(BLOCK_BYTES, file.size)), deflated.packed[0]
    if file.size <= BLOCK_BYTES:
        first, alone = first + file.tail, alone + deflated.tail_packed
    close, near = (alone - _behind(_before(tar, file.offset, length), first) for length in (CLOSE_BYTES, WINDOW_BYTES))
    return Joined(close, near)


def _behind(before: bytes, data: bytes) -> int:
    """Bytes of raw deflate data that some bytes add to those before them."""
    return deflated_size(before + data) - deflated_size(before)


def _before(tar: Source, end: int, length: int) -> bytes:
    """Bytes before a place of the tar, as many as there are up to a length."""
    length = min(length, end)
    return tar.read_at(end - length, length)

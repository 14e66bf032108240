"""How many bytes a file adds to a gzip member that others share; such members are streamed, by another compressor.

Source: sim.formats.estargz.write_pack, `OpenUnit`: zlib, flushed before each chunk, since the size so far decides.
"""

import zlib
from dataclasses import dataclass

from sim.core.blocks import BLOCK_BYTES
from sim.core.source import Source
from sim.formats.deflated import LEVEL, Deflated, FileInTar

WINDOW_BYTES = 1 << 15  # RFC 1951: how far back deflate refers
RAW_DEFLATE_WBITS, MOST_MEMORY = -15, 9
SAMPLES, SAMPLE_BLOCKS = 32, 16  # of a larger file: at most 32 chunks of 1 MiB show how the two compressors compare


@dataclass(frozen=True, slots=True)
class Streamed:
    """One file. packed: its bytes streamed in one chunk, with the flush before the next one.

    near, far: bytes of that saved behind the file before it in the tar, and behind one of another place.
    """

    packed: int
    near: int
    far: int


def stream_file(tar: Source, file: FileInTar, other: FileInTar, deflated: Deflated) -> Streamed:
    """Measure a file. other: one of another place in the tar."""
    first = tar.read_at(file.offset, min(BLOCK_BYTES, file.size))
    if file.size <= BLOCK_BYTES:
        first += file.tail
    alone = streamed_size(first)
    near = alone - streamed_size(first, _before(tar, file.offset))
    elsewhere = b"" if other == file else _before(tar, other.offset + other.size)
    far = alone - streamed_size(first, elsewhere + file.header)
    if file.size <= BLOCK_BYTES:
        return Streamed(max(1, alone - deflated.tail_packed), near, far)
    return Streamed(round(_ratio(tar, file, deflated) * (sum(deflated.packed) - sum(deflated.saved))), near, far)


def _ratio(tar: Source, file: FileInTar, deflated: Deflated) -> float:
    """What streaming costs against deflating by itself, on some chunks of the file."""
    count = len(deflated.packed)
    streamed = by_itself = 0
    for row in range(0, count, max(SAMPLE_BLOCKS, -(-count // SAMPLES))):
        end = min(count, row + SAMPLE_BLOCKS)
        start, stop = row * BLOCK_BYTES, min(file.size, end * BLOCK_BYTES)
        streamed += streamed_size(tar.read_at(file.offset + start, stop - start))
        by_itself += sum(deflated.packed[row:end]) - sum(deflated.saved[row + 1 : end])
    return streamed / by_itself


def _before(tar: Source, end: int) -> bytes:
    """The window of bytes before a place of the tar."""
    length = min(WINDOW_BYTES, end)
    return tar.read_at(end - length, length)


def streamed_size(data: bytes, before: bytes = b"") -> int:
    """Bytes of raw deflate data up to a flush."""
    window = before[-WINDOW_BYTES:]
    packer = (
        zlib.compressobj(LEVEL, zlib.DEFLATED, RAW_DEFLATE_WBITS, MOST_MEMORY, zdict=window)
        if window
        else zlib.compressobj(LEVEL, zlib.DEFLATED, RAW_DEFLATE_WBITS, MOST_MEMORY)
    )
    return len(packer.compress(data)) + len(packer.flush(zlib.Z_SYNC_FLUSH))

"""Zstandard frames (RFC 8878), walked block by block, so that what is decoded at a time is bounded whatever the ratio.

A block decodes to at most 128 KiB and its header says where it ends, so the end of a frame is known without decoding.
"""

from collections.abc import Iterator

import zstandard

from sim.core.errors import BadBlob
from sim.core.source import Source

FRAME_MAGIC = b"\x28\xb5\x2f\xfd"  # RFC 8878, 3.1.1
SKIPPABLE_TAIL = b"\x2a\x4d\x18"  # 3.1.2: after a first byte of 50 to 5f
SKIPPABLE_HEAD_BYTES = 8  # magic and 32-bit size
MAX_WINDOW_BYTES = 1 << 27  # what the zstd command decodes without being asked for more
READ_BYTES = 1 << 17
MAX_BLOCK_BYTES = 1 << 17  # 3.1.1.2.4, of the decoded block; a compressed one is not larger
DICT_ID_BYTES = (0, 1, 2, 4)
CONTENT_SIZE_BYTES = (0, 2, 4, 8)
RLE, RESERVED = 1, 3  # block types


def is_skippable(magic: bytes) -> bool:
    """Whether four bytes start a skippable frame."""
    return len(magic) == 4 and magic[0] & 0xF0 == 0x50 and magic[1:] == SKIPPABLE_TAIL


def is_zstd(magic: bytes) -> bool:
    """Whether four bytes start a frame of either sort."""
    return magic == FRAME_MAGIC or is_skippable(magic)


def decode_frame(source: Source, offset: int, end: int) -> Iterator[bytes]:
    """Decode the one frame that starts at `offset` and ends at or before `end`.

    Yields pieces of at most 128 KiB; a checksum has been checked once the iterator is exhausted.
    Raises `BadBlob` when the frame is damaged or cut.
    """
    yield from _Frames(source, offset, end).frame()


def decode_frames(source: Source, offset: int = 0, end: int | None = None) -> Iterator[bytes]:
    """Decode all frames between two places one after another; skippable ones are passed over. Raises `BadBlob`."""
    frames = _Frames(source, offset, source.size if end is None else end)
    while frames.left:
        if is_skippable(frames.magic()):
            frames.skip()
        else:
            yield from frames.frame()


class _Frames:
    """The bytes of some frames, read ahead."""

    def __init__(self, source: Source, position: int, end: int) -> None:
        self._source, self._position, self._end = source, position, end
        self._data, self._start = b"", 0
        self._decoder = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW_BYTES)

    @property
    def left(self) -> int:
        return self._end - self._position + len(self._data) - self._start

    def magic(self) -> bytes:
        """The next four bytes, not taken; fewer at the end."""
        self._fill(4)
        return self._data[self._start : self._start + 4]

    def skip(self) -> None:
        """Pass over a skippable frame without reading it."""
        at = self._at()
        size = int.from_bytes(self._take(SKIPPABLE_HEAD_BYTES, at)[4:], "little")
        if size > self.left:
            raise self._cut(at)
        held = min(size, len(self._data) - self._start)
        self._start += held
        self._position += size - held

    def frame(self) -> Iterator[bytes]:
        """Decode the next frame."""
        at = self._at()
        piece, has_checksum = self._frame_header(at)
        decoder = self._decoder.decompressobj()
        last = False
        try:
            while not last:
                last, block = self._block(at)
                piece += block
                if last and has_checksum:
                    piece += self._take(4, at)
                if raw := decoder.decompress(piece):
                    yield raw
                piece = b""
        except zstandard.ZstdError as error:
            raise self._damaged(at, str(error)) from None
        if not decoder.eof:
            raise self._damaged(at, "its blocks end before it does")

    def _frame_header(self, at: int) -> tuple[bytes, bool]:
        """Magic and frame header, and whether a checksum follows the last block."""
        head = self._take(5, at)
        if head[:4] != FRAME_MAGIC:
            raise self._damaged(at, "no frame starts here")
        descriptor = head[4]
        single = descriptor >> 5 & 1
        size_bytes = CONTENT_SIZE_BYTES[descriptor >> 6] or single
        rest = self._take(1 - single + DICT_ID_BYTES[descriptor & 3] + size_bytes, at)
        return head + rest, bool(descriptor & 4)

    def _block(self, at: int) -> tuple[bool, bytes]:
        """One block with its header, and whether it is the last one."""
        header = self._take(3, at)
        value = int.from_bytes(header, "little")
        kind, size = value >> 1 & 3, value >> 3
        if kind == RESERVED or size > MAX_BLOCK_BYTES:
            raise self._damaged(at, "a block header makes no sense")
        return bool(value & 1), header + self._take(1 if kind == RLE else size, at)

    def _take(self, count: int, at: int) -> bytes:
        """The next `count` bytes of the frame at `at`."""
        self._fill(count)
        data = self._data[self._start : self._start + count]
        if len(data) < count:
            raise self._cut(at)
        self._start += count
        return data

    def _fill(self, count: int) -> None:
        """Hold `count` bytes, if so many are left."""
        if len(self._data) - self._start < count and self._position < self._end:
            more = self._source.read_at(self._position, min(max(READ_BYTES, count), self._end - self._position))
            self._position += len(more)
            self._data, self._start = self._data[self._start :] + more, 0

    def _at(self) -> int:
        """Where in the blob the next byte lies."""
        return self._position - len(self._data) + self._start

    def _cut(self, at: int) -> BadBlob:
        return BadBlob(f"{self._source.name}: zstd frame at byte {at} is cut at byte {self._end}; fetch the blob again")

    def _damaged(self, at: int, why: str) -> BadBlob:
        return BadBlob(f"{self._source.name}: zstd frame at byte {at} is damaged ({why}); fetch it again")

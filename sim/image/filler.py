"""Bytes that mean nothing and compress as asked: the content of made-up files. Same seed, same bytes."""

from typing import cast

import numpy as np

RECORD_BYTES = 256  # noise, then a part that is the same in every record; deflate copies it in one match (at most 258)
MATCH_BYTES = 2.5  # what deflate spends on that match: about 20 bits for length and distance
PIECE_RECORDS = 1 << 12  # 1 MiB made at a time


class Filler:
    """An endless stream of bytes of which gzip saves a given share.

    compressibility: 0 (noise) … 1 (one record over and over); gzip at its usual level makes 1 − compressibility of
    it, within 0.03 for pieces of 64 KiB and more. Pieces below one record hardly compress, as small files do not.
    seed: numbers that name the stream. PCG64's raw output is the same in every version of numpy (NEP 19).
    """

    def __init__(self, *seed: int, compressibility: float) -> None:
        self._noise = np.random.PCG64(np.random.SeedSequence(seed))
        self._fresh = round(min(RECORD_BYTES, max(0.0, (1 - compressibility) * RECORD_BYTES - MATCH_BYTES)))
        if compressibility == 0:
            self._fresh = RECORD_BYTES
        self._record = np.frombuffer(self._raw(RECORD_BYTES), np.uint8)
        self._piece, self._at = b"", 0

    def read(self, length: int) -> bytes:
        """The next `length` bytes."""
        parts = []
        while length > 0:
            if self._at == len(self._piece):
                self._piece, self._at = self._make(), 0
            part = self._piece[self._at : self._at + length]
            self._at += len(part)
            length -= len(part)
            parts.append(part)
        return b"".join(parts)

    def _make(self) -> bytes:
        records = np.tile(self._record, (PIECE_RECORDS, 1))
        noise = np.frombuffer(self._raw(PIECE_RECORDS * self._fresh), np.uint8)
        records[:, : self._fresh] = noise.reshape(PIECE_RECORDS, self._fresh)
        return records.tobytes()

    def _raw(self, length: int) -> bytes:
        """Noise. `length`: whole 64-bit words, or 0."""
        words = cast("np.ndarray[tuple[int], np.dtype[np.uint64]]", self._noise.random_raw(length // 8))
        return words.astype("<u8").tobytes()

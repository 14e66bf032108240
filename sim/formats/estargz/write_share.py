"""Which parts of a batch share a unit, and packing them: where a batch ends depends on raw sizes alone.

Source of the rule: stargz-snapshotter, estargz/estargz.go, `appendTar`: a unit ends before the first chunk at which
it has the least size. There a compressor is asked how far it has come; here whole units are packed until one is long
enough and likely the shortest that is, as guessed by a compressor that is some ten times faster. A unit ends with its
batch, as there with a part of a parallel build; if it is short, it joins the one before.
"""

import hashlib
import zlib
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, count

from isal import isal_zlib

from sim.core.blocks import SHARED_BATCH_BYTES, SHARED_BATCH_UNITS
from sim.core.source import Source
from sim.formats.estargz.write_pack import Packer
from sim.formats.estargz.write_parts import Part

BATCH_BYTES = 1 << 18  # small parts are packed together, for a thread's turn costs more than they do
MOST_TRIES = 4  # for one unit; content that leads the guess astray makes it longer
GUESS_LEVEL = 1  # of ISA-L


@dataclass(frozen=True, slots=True)
class PackedUnit:
    """Parts as one unit. raw: their bytes of the tar. digests: "sha256:…" of the chunk of each, if it has one."""

    parts: Sequence[Part]
    raw: bytes
    packed: bytes
    digests: Sequence[str]


class UnitPacker:
    """Packs batches of parts, each by itself. min_bytes: least packed bytes of a unit; 0 gives each part its own.

    batch_bytes: memory of its parts at which a batch ends; most_bytes: that they may take, or one part alone.
    """

    def __init__(self, packer: Packer, tar: Source, min_bytes: int) -> None:
        self._packer, self._tar, self._min_bytes = packer, tar, min_bytes
        self.most_bytes = packer.whole_bytes
        shared = min(max(SHARED_BATCH_BYTES, SHARED_BATCH_UNITS * min_bytes), packer.whole_bytes)
        self.batch_bytes = shared if min_bytes else BATCH_BYTES

    def pack(self, parts: Sequence[Part]) -> list[PackedUnit]:
        """The units of one batch. Raises `BadBlob`. Safe to call from several threads."""
        raws, digests = zip(*map(self._read, parts), strict=True)
        ends = (
            self._ends(raws) if self._min_bytes else [(at + 1, self._packer.pack(raw)) for at, raw in enumerate(raws)]
        )
        units, start = [], 0
        for end, packed in ends:
            units.append(PackedUnit(parts[start:end], b"".join(raws[start:end]), packed, digests[start:end]))
            start = end
        return units

    def _read(self, part: Part) -> tuple[bytes, str]:
        """Bytes of a part in the tar, and the digest of its chunk."""
        payload = b"" if part.chunk is None else part.chunk.read(self._tar, 0, part.chunk.size)
        return payload + part.tail, f"sha256:{hashlib.sha256(payload).hexdigest()}"

    def _ends(self, raws: Sequence[bytes]) -> list[tuple[int, bytes]]:
        """Where units of a batch end, each with its packed bytes."""
        shared = _Shared(self._packer, raws, self._min_bytes)
        ends: list[tuple[int, bytes]] = []
        start = 0
        while start < len(raws):
            ends.append(shared.unit(start))
            start = ends[-1][0]
        if len(ends) > 1 and len(ends[-1][1]) < self._min_bytes:
            before = ends[-3][0] if len(ends) > 2 else 0
            ends[-2:] = [(len(raws), shared.packed(before, len(raws)))]
        return ends


class _Shared:
    """Parts of one batch as they share units. guessed: packed bytes up to each, as a fast compressor has them."""

    def __init__(self, packer: Packer, raws: Sequence[bytes], min_bytes: int) -> None:
        self._packer, self._raws, self._min_bytes = packer, raws, min_bytes
        self._guessed = [0, *accumulate(_fast_sizes(raws))]
        self._ratio = 1.0  # of the last packed size to the guessed one

    def packed(self, start: int, end: int) -> bytes:
        """Some parts as one unit."""
        return self._packer.pack(b"".join(self._raws[start:end]))

    def unit(self, start: int) -> tuple[int, bytes]:
        """End of a unit that is just long enough, and its bytes; what is left if that is too short."""
        short, enough, found = start, len(self._raws), b""
        for tried in count():
            hurry = tried >= MOST_TRIES
            end = min(enough, 2 * short - start) if hurry else self._guess(start, short, enough)
            if found and (hurry or end == enough):
                break
            packed = self.packed(start, end)
            self._ratio = len(packed) / (self._guessed[end] - self._guessed[start])
            if len(packed) >= self._min_bytes or end == len(self._raws):
                enough, found = end, packed
            else:
                short = end
        return enough, found

    def _guess(self, start: int, short: int, enough: int) -> int:
        """The likely end of a unit, behind an end that is too early and not behind one that is late enough."""
        least = self._guessed[start] + self._min_bytes / self._ratio
        return bisect_left(self._guessed, least, short + 1, enough)


def _fast_sizes(raws: Sequence[bytes]) -> list[int]:
    """What each piece adds to a stream that is flushed behind it."""
    packer = isal_zlib.compressobj(GUESS_LEVEL)
    return [len(packer.compress(raw)) + len(packer.flush(zlib.Z_SYNC_FLUSH)) for raw in raws]

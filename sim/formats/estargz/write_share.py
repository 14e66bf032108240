"""Parts packed as units: each by itself, or as many together as have the least size.

Source: stargz-snapshotter, estargz/estargz.go, `appendTar`: there a unit ends before the first chunk at which it has
the least size. Here it ends where an estimate knows too that it may (sim.core.sharing).
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from sim.core.sharing import batch_bytes
from sim.core.source import Source
from sim.formats.estargz.write_pack import Packer
from sim.formats.estargz.write_parts import Part
from sim.formats.estargz.write_runs import run_ends

BATCH_BYTES = 1 << 18  # small parts are packed together, for a thread's turn costs more than they do


@dataclass(frozen=True, slots=True)
class PackedUnit:
    """Parts as one unit. raw: their bytes of the tar. digests: "sha256:…" of the chunk of each, if it has one."""

    parts: Sequence[Part]
    raw: bytes
    packed: bytes
    digests: Sequence[str]


class UnitPacker:
    """Packs batches of parts, each by itself. min_bytes: least packed bytes of a unit; 0 gives each part its own.

    batch_bytes: of its parts, at which a batch ends; most_bytes: that they may have, or one part alone.
    """

    def __init__(self, packer: Packer, tar: Source, min_bytes: int) -> None:
        self._packer, self._tar, self._min_bytes = packer, tar, min_bytes
        self.most_bytes = packer.whole_bytes
        self.batch_bytes = batch_bytes(min_bytes, packer.whole_bytes) if min_bytes else BATCH_BYTES

    def pack(self, parts: Sequence[Part]) -> list[PackedUnit]:
        """The units of one batch. Raises `BadBlob`. Safe to call from several threads."""
        raws, digests = zip(*map(self._read, parts), strict=True)
        units, start = [], 0
        for end, packed in self._ends(parts, raws):
            units.append(PackedUnit(parts[start:end], b"".join(raws[start:end]), packed, digests[start:end]))
            start = end
        return units

    def _read(self, part: Part) -> tuple[bytes, str]:
        """Bytes of a part in the tar, and the digest of its chunk."""
        payload = b"" if part.chunk is None else part.chunk.read(self._tar, 0, part.chunk.size)
        return payload + part.tail, f"sha256:{hashlib.sha256(payload).hexdigest()}"

    def _ends(self, parts: Sequence[Part], raws: Sequence[bytes]) -> list[tuple[int, bytes]]:
        """Where units of a batch end, each with its packed bytes."""
        if not self._min_bytes:
            return [(end, self._packer.pack(raw)) for end, raw in enumerate(raws, 1)]
        runs, at = [0, *run_ends(parts, self._packer, self._tar, self._min_bytes)], 0
        ends: list[tuple[int, bytes]] = []
        while at < len(runs) - 1:
            at, packed = self._unit(raws, runs, at)
            ends.append((runs[at], packed))
        if len(ends) > 1 and len(ends[-1][1]) < self._min_bytes:
            before = ends[-3][0] if len(ends) > 2 else 0
            ends[-2:] = [(len(raws), self._packed(raws, before, len(raws)))]
        return ends

    def _unit(self, raws: Sequence[bytes], runs: Sequence[int], first: int) -> tuple[int, bytes]:
        """The run behind a unit that begins with run `first`, and its bytes; what is left if that is too short."""
        end = first + 1
        while True:
            packed = self._packed(raws, runs[first], runs[end])
            if len(packed) >= self._min_bytes or end == len(runs) - 1:
                return end, packed
            end = min(2 * end - first, len(runs) - 1)

    def _packed(self, raws: Sequence[bytes], start: int, end: int) -> bytes:
        """Some parts as one unit."""
        return self._packer.pack(b"".join(raws[start:end]))

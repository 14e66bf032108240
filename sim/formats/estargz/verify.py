"""Checking a whole lazy layer: the TOC, every chunk, every file, in one pass and bounded memory."""

import hashlib
from dataclasses import dataclass

import numpy as np

from sim.core.errors import BadBlob
from sim.formats.estargz.blob import EstargzBlob
from sim.formats.estargz.toc import read_toc_json
from sim.formats.units import decode_unit


@dataclass(frozen=True, slots=True)
class Verified:
    """What was checked: regular files, chunks, and their bytes."""

    files: int
    chunks: int
    raw_bytes: int


def verify(blob: EstargzBlob) -> Verified:
    """Check the TOC and every chunk and file against their digests. Raises `BadBlob` at the first that is wrong."""
    where, table = blob.source.name, blob.chunks
    raw = read_toc_json(blob.toc.place, max_bytes=blob.toc.raw_size)
    if f"sha256:{hashlib.sha256(raw).hexdigest()}" != blob.toc.digest:
        raise BadBlob(f"{where}: TOC changed since the blob was opened; open it again")
    files = _FileDigests(blob)
    first_chunk = np.searchsorted(table.unit, np.arange(len(table.unit_offset) + 1)).tolist()
    for unit in range(len(table.unit_offset)):
        _verify_unit(blob, unit, range(first_chunk[unit], first_chunk[unit + 1]), files)
    files.close()
    return Verified(len(blob.files.regular), len(table.owner), int(table.length.sum()))


class _FileDigests:
    """Digests of files as their chunks come by, in blob order."""

    def __init__(self, blob: EstargzBlob) -> None:
        self._where = blob.source.name
        rows = blob.files.regular.values()
        self._expected = {int(blob.files.source[row]): (blob.files.digests[row], blob.files.paths[row]) for row in rows}
        self._owner, self._running = -1, hashlib.sha256()

    def feed(self, owner: int, data: bytes) -> None:
        if owner != self._owner:
            self.close()
            self._owner, self._running = owner, hashlib.sha256()
        self._running.update(data)

    def close(self) -> None:
        expected, path = self._expected.get(self._owner, (None, ""))
        if expected is not None and self._running.digest() != expected:
            raise BadBlob(f"{self._where}: file {path[:80]!r} does not have its digest; convert the layer again")


def _verify_unit(blob: EstargzBlob, unit: int, chunks: range, files: _FileDigests) -> None:
    """Decode one unit and check the chunks in it, which do not overlap and come in order."""
    table, start = blob.chunks, int(blob.chunks.unit_offset[unit])
    where = f"{blob.source.name}: chunk at byte {start}"
    pieces = decode_unit(blob.footer.codec, blob.source, start, start + int(table.unit_size[unit]))
    piece, position = b"", 0  # the piece in hand, and where it starts in the unit's decoded bytes
    for chunk in chunks:
        begin = int(table.inner_offset[chunk])
        end, running = begin + int(table.length[chunk]), hashlib.sha256()
        while begin < end:
            while position + len(piece) <= begin:
                position += len(piece)
                following = next(pieces, None)
                if following is None:
                    raise BadBlob(f"{where} ends after {position} of {end} bytes; fetch the blob again")
                piece = following
            part = piece[begin - position : end - position]
            running.update(part)
            files.feed(int(table.owner[chunk]), part)
            begin += len(part)
        if table.digests[chunk] is None:
            raise BadBlob(f"{where} has no digest in the TOC, so it cannot be checked; convert the layer again")
        if running.digest() != table.digests[chunk]:
            raise BadBlob(f"{where} does not have the digest in the TOC; the blob is damaged, fetch it again")
    for _ in pieces:  # to the end, where a checksum of the unit is
        pass

"""What a TOC lists, as columns; those that opening a layer does not need are built when they are asked for."""

import hashlib
from functools import cached_property

import numpy as np

from sim.core.errors import BadBlob
from sim.formats.estargz.chunks import CHUNK, ChunkTable, Ints
from sim.formats.estargz.digests import parse_digest
from sim.formats.estargz.entries import TocEntry
from sim.formats.files import KIND_CODE, REG

EMPTY_DIGEST = hashlib.sha256(b"").digest()
ENTRY_CODE = {**KIND_CODE, "chunk": CHUNK}


def entry_kinds(entries: list[TocEntry]) -> Ints:
    """Code of each entry of a TOC."""
    return np.fromiter([ENTRY_CODE[entry.type] for entry in entries], np.int64, len(entries))


class TocListing:
    """The entries of a TOC without the further chunks; a `Listed`."""

    def __init__(self, entries: list[TocEntry], kinds: Ints, chunks: ChunkTable, where: str) -> None:
        rows = np.flatnonzero(kinds != CHUNK)
        self._listed = entries if len(rows) == len(entries) else [entries[row] for row in rows.tolist()]
        self._chunks, self._where = chunks, where
        self.names: list[str] = [entry.name for entry in self._listed]
        self.kinds: list[int] = kinds[rows].tolist()

    @cached_property
    def links(self) -> list[str]:
        """Target of each link as written."""
        return [entry.link_name for entry in self._listed]

    @cached_property
    def sizes(self) -> list[int]:
        """Bytes of each."""
        return [entry.size for entry in self._listed]

    @cached_property
    def modes(self) -> list[int]:
        """Mode of each as written; some writers add the file type."""
        return [entry.mode & 0xFFFF for entry in self._listed]

    @cached_property
    def digests(self) -> list[bytes | None]:
        """sha256 of each regular file; where the TOC leaves it out, that of its only chunk or of no bytes.

        Raises `BadBlob` where there is none, or two that differ.
        """
        chunks, count = self._chunks.digests, len(self._listed)
        first = np.searchsorted(self._chunks.owner, np.arange(count)).tolist()
        pieces = np.bincount(self._chunks.owner, minlength=count).tolist()
        rows = zip(self._listed, self.kinds, first, pieces, strict=True)
        return [
            self._digest(entry, EMPTY_DIGEST if number == 0 else chunks[at] if number == 1 else None)
            if kind == REG
            else None
            for entry, kind, at, number in rows
        ]

    def _digest(self, entry: TocEntry, alone: bytes | None) -> bytes:
        """Digest of one file. alone: of its only chunk, where it has one."""
        digest = parse_digest(entry.digest, self._where, "file") if entry.digest else alone
        if digest is None:
            raise BadBlob(f"{self._where}: TOC gives no digest for file {entry.name[:80]!r}; convert the layer again")
        if alone not in {None, digest}:
            raise BadBlob(
                f"{self._where}: file and chunk digest of {entry.name[:80]!r} differ; convert the layer again"
            )
        return digest

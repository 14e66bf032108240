"""An opened eStargz or zstd:chunked blob: footer, TOC, files and chunk table, checked before anything is read."""

import hashlib
from dataclasses import dataclass

import numpy as np

from sim.core.errors import BadBlob
from sim.core.layout import Landmark
from sim.core.source import Source
from sim.formats.estargz.chunks import ChunkTable, build_chunks
from sim.formats.estargz.digests import parse_digest
from sim.formats.estargz.footer import Footer, read_footer
from sim.formats.estargz.toc import MAX_TOC_BYTES, MAX_TOC_ENTRIES, Toc, TocEntry, read_toc, toc_place
from sim.formats.files import KIND_CODE, REG, LayerFiles, Listing, clean_files
from sim.formats.names import NO_PREFETCH_LANDMARK, PREFETCH_LANDMARK

EMPTY_DIGEST = hashlib.sha256(b"").digest()


@dataclass(frozen=True, eq=False)
class EstargzBlob:
    """One layer. landmark_offset: of the landmark's unit; the bytes before it are worth prefetching."""

    source: Source
    footer: Footer
    toc: Toc
    files: LayerFiles
    chunks: ChunkTable
    landmark: Landmark
    landmark_offset: int | None

    @property
    def entries(self) -> list[TocEntry]:
        """TOC entries in blob order, chunks too."""
        return self.toc.entries


def open_blob(
    source: Source,
    *,
    toc: Source | None = None,
    toc_digest: str | None = None,
    max_toc_bytes: int = MAX_TOC_BYTES,
    max_toc_entries: int = MAX_TOC_ENTRIES,
) -> EstargzBlob:
    """Read footer and TOC of an eStargz or zstd:chunked blob and check all they say about places and sizes.

    toc: the TOC's own blob, for a layer that keeps it apart. toc_digest: "sha256:…" the TOC must have, from the
    layer's annotation.
    Raises `BadBlob`, and `BadInput` for a `toc` that is not asked for.
    """
    footer = read_footer(source)
    found = read_toc(toc_place(source, footer, toc), max_bytes=max_toc_bytes, max_entries=max_toc_entries)
    if toc_digest is not None and found.digest != toc_digest:
        raise BadBlob(f"{source.name}: TOC has digest {found.digest}, expected {toc_digest}; fetch the blob again")
    chunks = build_chunks(found.entries, footer.payload_end, source.name)
    files = clean_files(_listing(found.entries, chunks, source.name), source.name)
    landmark, offset = _landmark(files, chunks)
    return EstargzBlob(source, footer, found, files, chunks, landmark, offset)


def _listing(entries: list[TocEntry], chunks: ChunkTable, where: str) -> Listing:
    """The TOC's entries without the extra chunks."""
    listed = [entry for entry in entries if entry.type != "chunk"]
    kinds = [KIND_CODE[entry.type] for entry in listed]
    return Listing(
        names=[entry.name for entry in listed],
        kinds=kinds,
        sizes=[entry.size for entry in listed],
        modes=[entry.mode & 0xFFFF for entry in listed],
        links=[entry.link_name for entry in listed],
        digests=_file_digests(listed, kinds, chunks, where),
    )


def _file_digests(listed: list[TocEntry], kinds: list[int], chunks: ChunkTable, where: str) -> list[bytes | None]:
    """sha256 of each regular file; where the TOC leaves it out, that of its only chunk or of no bytes."""
    first_chunk = np.searchsorted(chunks.owner, np.arange(len(listed))).tolist()
    chunk_count = np.bincount(chunks.owner, minlength=len(listed)).tolist()
    found: list[bytes | None] = []
    for entry, kind, first, count in zip(listed, kinds, first_chunk, chunk_count, strict=True):
        if kind != REG:
            found.append(None)
            continue
        alone = EMPTY_DIGEST if count == 0 else chunks.digests[first] if count == 1 else None
        digest = parse_digest(entry.digest, where, "file") if entry.digest else alone
        if digest is None:
            raise BadBlob(f"{where}: TOC gives no digest for file {entry.name[:80]!r}; convert the layer again")
        if alone not in {None, digest}:
            raise BadBlob(f"{where}: file and chunk digest of {entry.name[:80]!r} differ; convert the layer again")
        found.append(digest)
    return found


def _landmark(files: LayerFiles, chunks: ChunkTable) -> tuple[Landmark, int | None]:
    """Which landmark there is, and where its payload starts; the no-prefetch one goes first (fs/layer/layer.go)."""
    kinds: tuple[tuple[str, Landmark], ...] = (
        (NO_PREFETCH_LANDMARK, "no_prefetch"),
        (PREFETCH_LANDMARK, "prefetch"),
    )
    for name, landmark in kinds:
        row = files.regular.get(name)
        if row is None:
            continue
        owner = int(files.source[row])
        first = int(np.searchsorted(chunks.owner, owner))
        has_bytes = first < len(chunks.owner) and chunks.owner[first] == owner
        return landmark, int(chunks.offset[first]) if has_bytes else 0
    return "absent", None

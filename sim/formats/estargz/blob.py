"""An opened eStargz or zstd:chunked blob: footer, TOC, files and chunk table, checked before anything is read."""

from dataclasses import dataclass

from sim.core.errors import BadBlob
from sim.core.layout import Landmark
from sim.core.source import Source
from sim.formats.estargz.chunks import ChunkTable, build_chunks
from sim.formats.estargz.entries import TocEntry
from sim.formats.estargz.footer import Footer, read_footer
from sim.formats.estargz.listing import TocListing, entry_kinds
from sim.formats.estargz.toc import MAX_TOC_BYTES, MAX_TOC_ENTRIES, Toc, read_toc, toc_place
from sim.formats.files import LayerFiles, clean_files
from sim.formats.names import NO_PREFETCH_LANDMARK, PREFETCH_LANDMARK


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
    kinds = entry_kinds(found.entries)
    chunks = build_chunks(found.entries, kinds, footer.payload_end, source.name)
    files = clean_files(TocListing(found.entries, kinds, chunks, source.name), source.name)
    landmark, offset = _landmark(files, chunks)
    return EstargzBlob(source, footer, found, files, chunks, landmark, offset)


def _landmark(files: LayerFiles, chunks: ChunkTable) -> tuple[Landmark, int | None]:
    """Which landmark there is, and where its payload starts; the no-prefetch one goes first (fs/layer/layer.go)."""
    kinds: tuple[tuple[str, Landmark], ...] = (
        (NO_PREFETCH_LANDMARK, "no_prefetch"),
        (PREFETCH_LANDMARK, "prefetch"),
    )
    for name, landmark in kinds:
        row = files.listed(name)
        if row is not None:
            first, last = chunks.of_file(row)
            return landmark, int(chunks.offset[first]) if first < last else 0
    return "absent", None

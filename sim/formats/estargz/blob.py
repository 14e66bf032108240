"""An opened eStargz or zstd:chunked blob: footer, TOC and files; the chunk table is built and checked at its first use.

Nothing is read before that: a reader, a check and a layout all start from the table.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property, partial

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
    """One layer. chunk_table: builds the table, once."""

    source: Source
    footer: Footer
    toc: Toc
    files: LayerFiles
    chunk_table: Callable[[], ChunkTable]

    @property
    def chunks(self) -> ChunkTable:
        """Where each piece of each file lies. Raises `BadBlob` when that makes no sense."""
        return self.chunk_table()

    @property
    def landmark(self) -> Landmark:
        """Which landmark there is."""
        return self._landmark[0]

    @property
    def landmark_offset(self) -> int | None:
        """Of the landmark's unit; the bytes before it are worth prefetching. Raises `BadBlob` as `chunks` does."""
        return self._landmark[1]

    @cached_property
    def _landmark(self) -> tuple[Landmark, int | None]:
        return _landmark(self.files, self.chunks)

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
    """Read footer and TOC of an eStargz or zstd:chunked blob and check all but the places of chunks: see `chunks`.

    toc: the TOC's own blob, for a layer that keeps it apart. toc_digest: "sha256:…" the TOC must have, from the
    layer's annotation.
    Raises `BadBlob`, and `BadInput` for a `toc` that is not asked for.
    """
    footer = read_footer(source)
    found = read_toc(toc_place(source, footer, toc), max_bytes=max_toc_bytes, max_entries=max_toc_entries)
    if toc_digest is not None and found.digest != toc_digest:
        raise BadBlob(f"{source.name}: TOC has digest {found.digest}, expected {toc_digest}; fetch the blob again")
    kinds = entry_kinds(found.entries)
    chunk_table = cache(partial(build_chunks, found.entries, kinds, footer.payload_end, source.name))
    files = clean_files(TocListing(found.entries, kinds, chunk_table, source.name), source.name)
    return EstargzBlob(source, footer, found, files, chunk_table)


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

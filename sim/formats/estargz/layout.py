"""Tree and layout of an image whose layers are eStargz or zstd:chunked blobs."""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from sim.core.errors import BadInput
from sim.core.layout import BLOBS_SCHEMA, INDEX_SCHEMA, Layout
from sim.core.source import sha256_of
from sim.core.tree import Tree
from sim.formats.estargz.blob import EstargzBlob
from sim.formats.estargz.chunks import ChunkTable
from sim.formats.tables import (
    LAYER_MEDIA_TYPES,
    Ints,
    codec_labels,
    entry_rows,
    labels,
    make_entries,
    make_extents,
    make_tree,
    make_units,
)
from sim.formats.units import Codec

FORMATS: Mapping[Codec, str] = {"gzip": "estargz", "zstd": "zstd-chunked"}
LANDMARKS = ("absent", "prefetch", "no_prefetch")
INDEX_KINDS = ("footer", "toc")


def layers_layout(
    blobs: Sequence[EstargzBlob],
    *,
    digests: Sequence[str] | None = None,
    raw_sizes: Sequence[int | None] | None = None,
) -> tuple[Tree, Layout]:
    """Tree and layout of layers, bottom first.

    digests: "sha256:…" of each blob where the caller knows them; else each blob is read and hashed.
    raw_sizes: bytes of each blob decompressed as a whole, where known; else null in the layout.
    """
    for given in (digests, raw_sizes):
        if given is not None and len(given) != len(blobs):
            raise BadInput(f"{len(blobs)} layers, but {len(given)} digests or sizes were given; pass one for each")
    files = [blob.files for blob in blobs]
    tree = make_tree(files)
    units, extents = _places(blobs)
    names = [sha256_of(blob.source) for blob in blobs] if digests is None else list(digests)
    layout = Layout(
        format="+".join(sorted({FORMATS[blob.footer.codec] for blob in blobs})) or FORMATS["gzip"],
        content_id=tree.content_id,
        blobs=_blob_table(blobs, names, raw_sizes or [None] * len(blobs)),
        entries=make_entries(files),
        units=units,
        extents=extents,
        index=_index_table(blobs),
    )
    return tree, layout


def _places(blobs: Sequence[EstargzBlob]) -> tuple[pa.Table, pa.Table]:
    """Units and extents; chunks of entries that are shadowed in their own layer have a unit but no extent."""
    rows = entry_rows([blob.files for blob in blobs])
    units: list[tuple[Ints, ...]] = []
    extents: list[tuple[Ints, ...]] = []
    digests: list[bytes | None] = []
    first_unit = 0
    for layer, (blob, row_of) in enumerate(zip(blobs, rows, strict=True)):
        table = blob.chunks
        count = len(table.unit_offset)
        raw = np.bincount(table.unit, weights=table.length, minlength=count).astype(np.int64)
        units.append((np.full(count, layer, np.int64), table.unit_offset, table.unit_size, raw))
        digests += _unit_digests(table)
        entry = _lookup(row_of, table.owner)
        kept = entry >= 0
        columns = (entry, table.file_offset, table.length, table.unit + first_unit, table.inner_offset)
        extents.append(tuple(column[kept] for column in columns))
        first_unit += count
    empty = np.empty(0, np.int64)
    unit_columns = [np.concatenate([empty, *(part[i] for part in units)]) for i in range(4)]
    extent_columns = [np.concatenate([empty, *(part[i] for part in extents)]) for i in range(5)]
    codecs = [blob.footer.codec for blob in blobs for _ in range(len(blob.chunks.unit_offset))]
    column = codec_labels(codecs, usual=("gzip",))
    return make_units(unit_columns, codecs=column, digests=digests), make_extents(*extent_columns)


def _lookup(row_of: Ints, owner: Ints) -> Ints:
    """Row in `entries` of each chunk's file; −1 when it has none."""
    known = owner < len(row_of)
    found = np.full(len(owner), -1, np.int64)
    found[known] = row_of[owner[known]]
    return found


def _unit_digests(table: ChunkTable) -> list[bytes | None]:
    """Digest of a unit that holds one chunk: that chunk's."""
    count = np.bincount(table.unit, minlength=len(table.unit_offset)).tolist()
    first = np.searchsorted(table.unit, np.arange(len(count))).tolist()
    return [table.digests[row] if chunks == 1 else None for row, chunks in zip(first, count, strict=True)]


def _blob_table(blobs: Sequence[EstargzBlob], digests: list[str], raw_sizes: Sequence[int | None]) -> pa.Table:
    return pa.Table.from_arrays(
        [
            pa.array(range(len(blobs)), pa.int32()),
            pa.array(digests, pa.string()),
            pa.array([blob.source.size for blob in blobs], pa.int64()),
            pa.array(list(raw_sizes), pa.int64()),
            pa.array([LAYER_MEDIA_TYPES[blob.footer.codec] for blob in blobs], pa.string()),
            labels(np.array([LANDMARKS.index(blob.landmark) for blob in blobs], np.int8), LANDMARKS),
            pa.array([blob.landmark_offset for blob in blobs], pa.int64()),
        ],
        schema=BLOBS_SCHEMA,
    )


def _index_table(blobs: Sequence[EstargzBlob]) -> pa.Table:
    """What a client must fetch before the first file: of each blob the footer, then the TOC.

    A TOC that is a blob of its own has no offset: it is fetched whole.
    """
    offsets: list[int | None] = []
    sizes = []
    for blob in blobs:
        place = blob.toc.place
        offsets += [blob.source.size - blob.footer.size, place.offset if place.source is blob.source else None]
        sizes += [(blob.footer.size, blob.footer.size), (place.size, blob.toc.raw_size)]
    size, raw_size = np.array(sizes, np.int64).reshape(-1, 2).T.copy()
    number = np.repeat(np.arange(len(blobs), dtype=np.int32), 2)
    kinds = labels(np.tile(np.array([0, 1], np.int8), len(blobs)), INDEX_KINDS)
    return pa.Table.from_arrays(
        [pa.array(number), kinds, pa.array(offsets, pa.int64()), pa.array(size), pa.array(raw_size)],
        schema=INDEX_SCHEMA,
    )

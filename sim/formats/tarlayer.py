"""Ordinary layers, tar.gz, tar.zst or tar: each blob is one unit, decoded from its start. One pass, bounded memory."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from sim.core.errors import BadBlob
from sim.core.layout import BLOBS_SCHEMA, INDEX_SCHEMA, Layout
from sim.core.source import FileSource, Source, sha256_of
from sim.core.tree import Tree
from sim.formats.files import KIND_CODE, REG, LayerFiles, Listing, clean_files
from sim.formats.inflate import GZIP_MAGIC, inflate_blob
from sim.formats.names import text_of
from sim.formats.tables import (
    LAYER_MEDIA_TYPES,
    Ints,
    codec_labels,
    labels,
    make_entries,
    make_extents,
    make_tree,
    make_units,
)
from sim.formats.tarstream import TarStream
from sim.formats.zstdframes import decode_frames, is_zstd

READ_BYTES = 1 << 20
# What a conversion of a million makes, with its landmark and TOC; some 2 kB of memory each when all are checked.
MAX_ENTRIES = 1_000_002
FREE_RAW_BYTES = 8 << 30  # any layer may decode to so many bytes,
MAX_RATIO = 100  # and beyond that to so many times its size: real ones reach about 10, a bomb 1000


@dataclass(frozen=True, eq=False)
class TarLayer:
    """One ordinary layer. codec: gzip, zstd or raw. payload: offset of each listed entry's bytes in the tar."""

    source: Source
    digest: str
    codec: str
    raw_size: int
    files: LayerFiles
    payload: Ints


def tar_layout(paths: Sequence[Path]) -> tuple[Tree, Layout]:
    """Tree and layout of ordinary layer files, bottom first. Raises `BadBlob`, and `BadInput` for a missing file."""
    layers = []
    for path in paths:
        with FileSource(path) as source:
            layers.append(read_tar_layer(source))
    return tar_layers_layout(layers)


def read_tar_layer(source: Source, *, max_entries: int = MAX_ENTRIES) -> TarLayer:
    """Decode a whole layer once, hashing its files. Raises `BadBlob`."""
    tar, listing = TarStream(tar_pieces(source), source.name), Listing()
    payload: list[int] = []
    for member in tar:
        if len(payload) == max_entries:
            raise BadBlob(f"{source.name}: layer has more than {max_entries} files; split it")
        listing.names.append(text_of(member.name))
        listing.kinds.append(KIND_CODE[member.kind])
        listing.sizes.append(member.size)
        listing.modes.append(member.mode)
        listing.links.append(text_of(member.link))
        listing.digests.append(_digest(tar) if member.kind == "reg" else None)
        payload.append(member.offset)
    raw_size = tar.drain()
    files = clean_files(listing, source.name)
    return TarLayer(source, sha256_of(source), layer_codec(source), raw_size, files, np.array(payload, np.int64))


def layer_codec(source: Source) -> str:
    """What an ordinary layer is compressed with, by its first bytes: gzip, zstd or raw."""
    head = source.read_at(0, min(4, source.size))
    if head.startswith(GZIP_MAGIC):
        return "gzip"
    return "zstd" if is_zstd(head) else "raw"


def tar_pieces(source: Source) -> Iterator[bytes]:
    """The bytes of a layer's tar, decoded, in pieces of at most 1 MiB. Raises `BadBlob`, for a bomb too."""
    limit, given = FREE_RAW_BYTES + MAX_RATIO * source.size, 0
    for piece in _decoded(source):
        given += len(piece)
        if given > limit:
            raise BadBlob(
                f"{source.name}: layer of {source.size} bytes decodes to more than {limit}; it looks like a bomb"
            )
        yield piece


def _decoded(source: Source) -> Iterator[bytes]:
    match layer_codec(source):
        case "gzip":
            return inflate_blob(source)
        case "zstd":
            return decode_frames(source)
        case _:
            return _raw_pieces(source)


def tar_layers_layout(layers: Sequence[TarLayer]) -> tuple[Tree, Layout]:
    """Tree and layout of layers that were read, bottom first."""
    files = [layer.files for layer in layers]
    tree = make_tree(files)
    layout = Layout(
        format="gzip",
        content_id=tree.content_id,
        blobs=blob_table(layers),
        entries=make_entries(files),
        units=_units(layers),
        extents=_extents(layers),
        index=INDEX_SCHEMA.empty_table(),
    )
    return tree, layout


def _raw_pieces(source: Source) -> Iterator[bytes]:
    for offset in range(0, source.size, READ_BYTES):
        yield source.read_at(offset, min(READ_BYTES, source.size - offset))


def _digest(tar: TarStream) -> bytes:
    total = hashlib.sha256()
    for piece in tar.payload():
        total.update(piece)
    return total.digest()


def _units(layers: Sequence[TarLayer]) -> pa.Table:
    count = len(layers)
    sizes = np.array([layer.source.size for layer in layers], np.int64)
    raw = np.array([int(layer.files.sizes.sum()) for layer in layers], np.int64)
    codecs = codec_labels([layer.codec for layer in layers], usual=("gzip", "raw"))
    columns = [np.arange(count), np.zeros(count, np.int64), sizes, raw]
    return make_units(columns, codecs=codecs, digests=[None] * count)


def _extents(layers: Sequence[TarLayer]) -> pa.Table:
    """One extent for each regular file that has bytes."""
    entry, length, unit, unit_offset = ([np.empty(0, np.int64)] for _ in range(4))
    first = 0
    for number, layer in enumerate(layers):
        rows = np.flatnonzero((layer.files.kinds == REG) & (layer.files.sizes > 0))
        entry.append(rows + first)
        length.append(layer.files.sizes[rows])
        unit.append(np.full(len(rows), number, np.int64))
        unit_offset.append(layer.payload[layer.files.source[rows]])
        first += len(layer.files.paths)
    lengths = np.concatenate(length)
    columns = (np.concatenate(entry), np.zeros(len(lengths), np.int64), lengths)
    return make_extents(*columns, np.concatenate(unit), np.concatenate(unit_offset))


def blob_table(layers: Sequence[TarLayer]) -> pa.Table:
    """`blobs` of a layout of ordinary layers, bottom first."""
    count = len(layers)
    return pa.Table.from_arrays(
        [
            pa.array(range(count), pa.int32()),
            pa.array([layer.digest for layer in layers], pa.string()),
            pa.array([layer.source.size for layer in layers], pa.int64()),
            pa.array([layer.raw_size for layer in layers], pa.int64()),
            pa.array([LAYER_MEDIA_TYPES[layer.codec] for layer in layers], pa.string()),
            labels(np.zeros(count, np.int8), ("absent",)),
            pa.array([None] * count, pa.int64()),
        ],
        schema=BLOBS_SCHEMA,
    )

"""A layout with the synthetic layers of a `Padding` on top, labelled synthetic."""

import hashlib
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sim.core.bundle import column
from sim.core.layout import LAYOUT_KIND, Layout
from sim.experiment.padding import IntColumn, Padding
from sim.experiment.recorded import LANDMARK_NAME, NO_LANDMARK_NAME

TAR_BLOCK = 512
TAR_END = 1024  # two zero blocks end an archive
CHUNK_SIZE = 4 << 20  # raw bytes of an eStargz chunk: stargz-snapshotter estargz/estargz.go, Writer.chunkSize
FOOTER_SIZE = 51  # bytes: stargz-snapshotter estargz/estargz.go, FooterSize
HEADER_MEMBER = 150  # compressed bytes before the first payload of a blob: the gzip member of one tar header
LANDMARK_MEMBER = 180  # compressed bytes: one byte of payload and the next file's tar header
MEDIA_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"

Rows = dict[str, Any]  # columns by name, all of one length


@dataclass(frozen=True, slots=True)
class _Layer:
    """Files of one synthetic layer. number: among the added ones; first_entry, first_unit: rows before it."""

    number: int
    layer: int
    names: list[str]
    size: IntColumn
    packed: IntColumn
    read_order: IntColumn  # rows among these files, in order of reading
    first_entry: int
    first_unit: int


@dataclass(frozen=True, slots=True)
class _Toc:
    """What a TOC costs per row, as the recorded image's TOCs do."""

    raw_per_row: float
    packed_per_raw: float


def pad_layout(layout: Layout, padding: Padding) -> Layout:
    """Add the synthetic layers. layout: the recorded image in any of the catalog's formats."""
    parts: dict[str, list[pa.Table]] = {name: [getattr(layout, name)] for name in LAYOUT_KIND.tables}
    entries, units = layout.entries.num_rows, layout.units.num_rows
    for layer in _layers(padding):
        placed = replace(layer, first_entry=entries, first_unit=units)
        made = _gzip(placed, padding) if layout.format == "gzip" else _estargz(placed, padding, layout)
        tables = {name: _table(name, rows) for name, rows in made.items()}
        for name, table in tables.items():
            parts[name].append(table)
        entries += tables["entries"].num_rows
        units += tables["units"].num_rows
    joined = {name: pa.concat_tables(tables).unify_dictionaries().combine_chunks() for name, tables in parts.items()}
    return replace(layout, content_id=padding.content_id, synthetic=True, **joined)


def _layers(padding: Padding) -> "list[_Layer]":
    names = padding.names()
    edges = np.searchsorted(padding.layer, padding.first_layer + np.arange(padding.added_layers + 1))
    made = []
    for number in range(padding.added_layers):
        low, high = int(edges[number]), int(edges[number + 1])
        mine = padding.read[(padding.read >= low) & (padding.read < high)] - low
        size, packed = padding.size[low:high], padding.packed[low:high]
        layer = padding.first_layer + number
        made.append(_Layer(number, layer, names[low:high], size, packed, mine, 0, 0))
    return made


def _gzip(layer: _Layer, padding: Padding) -> dict[str, Rows]:
    """One unit for the whole blob, as in any tar.gz."""
    count = len(layer.size)
    in_tar = TAR_BLOCK + _whole_blocks(layer.size)
    packed = int(padding.gzip_sizes[layer.number])
    name = f"{padding.content_id} gzip {layer.layer}"
    return {
        "blobs": _blob(name, layer, packed, int(in_tar.sum()) + TAR_END, ("absent", None)),
        "entries": _entries(layer, layer.names, layer.size),
        "units": {
            "blob": [layer.layer],
            "offset": [0],
            "size": [packed],
            "raw_size": [int(layer.size.sum())],
            "codec": ["gzip"],
            "digest": [None],
        },
        "extents": {
            "entry": layer.first_entry + np.arange(count),
            "file_offset": np.zeros(count, np.int64),
            "length": layer.size,
            "unit": np.full(count, layer.first_unit),
            "unit_offset": np.cumsum(in_tar) - in_tar + TAR_BLOCK,
        },
    }


def _estargz(layer: _Layer, padding: Padding, base: Layout) -> dict[str, Rows]:
    """One gzip member a chunk; with a landmark behind the files that are read, where the base image has landmarks."""
    landmark = _landmark(layer, base)
    marks = 0 if landmark == "absent" else 1
    first = layer.read_order if landmark == "prefetch" else np.empty(0, np.int64)
    rest = np.setdiff1d(np.arange(len(layer.size)), first)
    order = np.concatenate([first, np.full(marks, -1), rest])  # −1 is the landmark itself
    size = np.where(order < 0, 1, layer.size[order])
    packed = np.where(order < 0, LANDMARK_MEMBER, layer.packed[order])
    chunks = -(-size // CHUNK_SIZE)
    file = np.repeat(np.arange(len(order)), chunks)
    number = np.arange(len(file)) - np.repeat(np.cumsum(chunks) - chunks, chunks)
    raw = np.minimum(CHUNK_SIZE, size[file] - number * CHUNK_SIZE)
    unit_size = np.maximum(1, packed[file] * (number + 1) // chunks[file] - packed[file] * number // chunks[file])
    offset = HEADER_MEMBER + np.cumsum(unit_size) - unit_size
    landmark_offset = int(offset[file == len(first)][0]) if marks else None
    names = [LANDMARK_NAME if landmark == "prefetch" else NO_LANDMARK_NAME][:marks] + layer.names
    sizes = np.concatenate([np.ones(marks, np.int64), layer.size])
    end = HEADER_MEMBER + int(unit_size.sum())
    index, blob_size = _index(layer, _toc(base), end, len(names) + len(file) - len(order))
    raw_size = int((TAR_BLOCK + _whole_blocks(sizes)).sum()) + TAR_END
    name = f"{padding.content_id} estargz {layer.layer}, {len(first)} files before {landmark}"
    entry = layer.first_entry + order[file] + marks
    by_entry = np.lexsort((number, entry))
    return {
        "blobs": _blob(name, layer, blob_size, raw_size, (landmark, landmark_offset)),
        "entries": _entries(layer, names, sizes),
        "units": {
            "blob": np.full(len(file), layer.layer),
            "offset": offset,
            "size": unit_size,
            "raw_size": raw,
            "codec": ["gzip"] * len(file),
            "digest": [None] * len(file),
        },
        "extents": {
            "entry": entry[by_entry],
            "file_offset": (number * CHUNK_SIZE)[by_entry],
            "length": raw[by_entry],
            "unit": (layer.first_unit + np.arange(len(file)))[by_entry],
            "unit_offset": np.zeros(len(file), np.int64),
        },
        "index": index,
    }


def _landmark(layer: _Layer, base: Layout) -> str:
    """As the base image's converter does: prefetch only where it was told what is read, and something is."""
    seen = set(base.blobs.column("landmark").to_pylist())
    if "prefetch" in seen:
        return "prefetch" if len(layer.read_order) else "no_prefetch"
    return "no_prefetch" if "no_prefetch" in seen else "absent"


def _toc(base: Layout) -> _Toc:
    index = base.index.filter(pc.equal(base.index.column("kind").cast(pa.string()), "toc"))
    raw, packed = int(column(index, "raw_size").sum()), int(column(index, "size").sum())
    further_chunks = int((column(base.extents, "file_offset") > 0).sum())
    return _Toc(raw / (base.entries.num_rows + further_chunks), packed / raw)


def _index(layer: _Layer, toc: _Toc, offset: int, rows: int) -> tuple[Rows, int]:
    """Footer and TOC as the client meets them, and the size of the blob they end."""
    raw = round(rows * toc.raw_per_row)
    packed = round(raw * toc.packed_per_raw)
    return {
        "blob": [layer.layer, layer.layer],
        "kind": ["footer", "toc"],
        "offset": [offset + packed, offset],
        "size": [FOOTER_SIZE, packed],
        "raw_size": [FOOTER_SIZE, raw],
    }, offset + packed + FOOTER_SIZE


def _blob(name: str, layer: _Layer, size: int, raw_size: int, landmark: tuple[str, int | None]) -> Rows:
    """One row. name: text that no other blob shares; landmark: kind and offset."""
    return {
        "layer": [layer.layer],
        "digest": [f"sha256:{hashlib.sha256(name.encode()).hexdigest()}"],
        "size": [size],
        "raw_size": [raw_size],
        "media_type": [MEDIA_TYPE],
        "landmark": [landmark[0]],
        "landmark_offset": [landmark[1]],
    }


def _entries(layer: _Layer, names: list[str], sizes: IntColumn) -> Rows:
    return {
        "blob": np.full(len(names), layer.layer),
        "layer": np.full(len(names), layer.layer),
        "path": names,
        "kind": ["reg"] * len(names),
        "size": sizes,
        "link": [None] * len(names),
    }


def _whole_blocks(size: IntColumn) -> IntColumn:
    return -(-size // TAR_BLOCK) * TAR_BLOCK


def _table(name: str, rows: Rows) -> pa.Table:
    schema = LAYOUT_KIND.tables[name]
    return pa.table({field.name: pa.array(rows[field.name]).cast(field.type) for field in schema}, schema=schema)

"""Tree and layout of an image whose gzip layers have a zTOC."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from sim.core.layout import INDEX_SCHEMA, Layout
from sim.core.source import FileSource, Source
from sim.core.tree import Tree
from sim.formats.files import REG
from sim.formats.soci.spans import SPAN_BYTES, Spans, find_spans, whole
from sim.formats.soci.ztoc import ztoc_size
from sim.formats.tables import Ints, codec_labels, labels, make_entries, make_extents, make_tree, make_units
from sim.formats.tarlayer import TarLayer, blob_table, read_tar_layer

MIN_LAYER_BYTES = 10 << 20  # soci/soci_index.go, defaultMinLayerSize: smaller layers have no zTOC and are pulled whole


@dataclass(frozen=True, eq=False)
class SociLayer:
    """One ordinary layer with its spans. ztoc_size: bytes of its zTOC; 0 where it has none and is one span."""

    tar: TarLayer
    spans: Spans
    ztoc_size: int


def soci_layout(
    paths: Sequence[Path], *, span_bytes: int = SPAN_BYTES, min_layer_bytes: int = MIN_LAYER_BYTES
) -> tuple[Tree, Layout]:
    """Tree and layout of ordinary layer files, bottom first. Raises `BadBlob`, and `BadInput` for a missing file."""
    layers = []
    for path in paths:
        with FileSource(path) as source:
            layers.append(read_soci_layer(source, span_bytes=span_bytes, min_layer_bytes=min_layer_bytes))
    return soci_layers_layout(layers)


def read_soci_layer(
    source: Source, *, span_bytes: int = SPAN_BYTES, min_layer_bytes: int = MIN_LAYER_BYTES
) -> SociLayer:
    """Decode a layer and find its spans, more than `span_bytes` decoded bytes apart.

    A layer that is not gzip or smaller than `min_layer_bytes` (compressed) has no zTOC. Raises `BadBlob`.
    """
    tar = read_tar_layer(source)
    if tar.codec != "gzip" or source.size < min_layer_bytes:
        return SociLayer(tar, whole(source), 0)
    spans = find_spans(source, tar.raw_size, span_bytes=span_bytes)
    return SociLayer(tar, spans, ztoc_size(source, len(spans.offset), tar.raw_size))


def soci_layers_layout(layers: Sequence[SociLayer]) -> tuple[Tree, Layout]:
    """Tree and layout of layers that were read, bottom first. A unit is a span; the index is the zTOC, its own blob."""
    tars = [layer.tar for layer in layers]
    files = [tar.files for tar in tars]
    tree = make_tree(files)
    units, extents = _places(layers)
    layout = Layout(
        format="soci",
        content_id=tree.content_id,
        blobs=blob_table(tars),
        entries=make_entries(files),
        units=units,
        extents=extents,
        index=_index(layers),
    )
    return tree, layout


def _places(layers: Sequence[SociLayer]) -> tuple[pa.Table, pa.Table]:
    empty = np.empty((0, 5), np.int64)
    extents, units, codecs = [empty], [empty[:, :4]], []
    first_entry = first_unit = 0
    for number, layer in enumerate(layers):
        spans, count = layer.spans, len(layer.spans.offset)
        part = _extents(layer)
        raw = np.bincount(part[:, 3], weights=part[:, 2], minlength=count).astype(np.int64)
        units.append(np.column_stack([np.full(count, number), spans.offset, spans.size, raw]))
        extents.append(part + np.array([first_entry, 0, 0, first_unit, 0]))
        codecs += [layer.tar.codec] * count
        first_entry, first_unit = first_entry + len(layer.tar.files.paths), first_unit + count
    unit_columns, extent_columns = np.concatenate(units).T.copy(), np.concatenate(extents).T.copy()
    column = codec_labels(codecs, usual=("gzip",))
    return make_units(list(unit_columns), codecs=column, digests=[None] * len(codecs)), make_extents(*extent_columns)


def _extents(layer: SociLayer) -> Ints:
    """Rows of entry, place in the file, length, span, place in the span: each file cut where spans start."""
    files, starts = layer.tar.files, layer.spans.raw_offset
    rows = np.flatnonzero((files.kinds == REG) & (files.sizes > 0))
    begin = layer.tar.payload[files.source[rows]]
    end = begin + files.sizes[rows]
    first = np.searchsorted(starts, begin, side="right") - 1
    pieces = np.searchsorted(starts, end, side="left") - first
    file = np.repeat(np.arange(len(rows)), pieces)
    span = np.arange(len(file)) - np.repeat(np.cumsum(pieces) - pieces, pieces) + first[file]
    cut_begin = np.maximum(starts[span], begin[file])
    cut_end = np.minimum(np.append(starts[1:], np.iinfo(np.int64).max)[span], end[file])
    columns = [rows[file], cut_begin - begin[file], cut_end - cut_begin, span, cut_begin - starts[span]]
    return np.column_stack(columns).astype(np.int64)


def _index(layers: Sequence[SociLayer]) -> pa.Table:
    """The zTOC of each layer that has one; not compressed, and a blob of its own, so it has no offset."""
    rows = [number for number, layer in enumerate(layers) if layer.ztoc_size]
    sizes = pa.array([layers[row].ztoc_size for row in rows], pa.int64())
    columns = [
        pa.array(rows, pa.int32()),
        labels(np.zeros(len(rows), np.int8), ("toc",)),
        pa.nulls(len(rows), pa.int64()),
        sizes,
        sizes,
    ]
    return pa.Table.from_arrays(columns, schema=INDEX_SCHEMA)

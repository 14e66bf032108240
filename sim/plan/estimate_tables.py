"""Estimated blobs as the tables of a `Layout`."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from sim.core.bundle import column
from sim.core.layout import BLOBS_SCHEMA, ENTRIES_SCHEMA, EXTENTS_SCHEMA, INDEX_SCHEMA, UNITS_SCHEMA, Layout
from sim.plan.estimate_members import LANDMARK_NAMES, Ints, Measured
from sim.plan.estimate_order import Order
from sim.plan.estimate_places import Places

FOOTER_BYTES = 51  # stargz-snapshotter estargz/types.go, FooterSize
MEDIA_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"  # an eStargz blob is an ordinary tar.gz to others


@dataclass(frozen=True, eq=False)
class EstimatedBlob:
    """One layer. raw_size: of the blob decompressed as a whole. toc_raw: bytes of JSON; toc_size: of its member."""

    digest: str
    order: Order
    places: Places
    raw_size: int
    toc_raw: int
    toc_size: int

    @property
    def size(self) -> int:
        """Bytes of the blob."""
        return self.places.end + self.toc_size + FOOTER_BYTES


def make_layout(base: Layout, measured: Measured, blobs: Sequence[EstimatedBlob]) -> Layout:
    """Layout of the blobs, lowest layer first."""
    entries, row_of = _entries(base, measured.entry, blobs)
    units, extents = _places(row_of, blobs)
    return Layout(
        format="estargz",
        content_id=base.content_id,
        blobs=_blob_table(blobs),
        entries=entries,
        units=units,
        extents=extents,
        index=_index(blobs),
        synthetic=base.synthetic,
        estimated=True,
    )


def _entries(base: Layout, entry: Ints, blobs: Sequence[EstimatedBlob]) -> tuple[pa.Table, Ints]:
    """Entries with landmarks, and the new row of each measured member, behind them of each layer's landmark.

    Entries of the base that were not measured are another conversion's landmarks and TOC: they go.
    """
    count = base.entries.num_rows
    kept = np.unique(entry[entry >= 0])
    layers = column(base.entries, "layer")[kept]
    paths = base.entries.column("path").take(pa.array(kept)).to_pylist()
    first = np.searchsorted(layers, np.arange(len(blobs) + 1)).tolist()
    names = [LANDMARK_NAMES[blob.order.kind] for blob in blobs]
    where = [bisect_left(paths, name, first[layer], first[layer + 1]) for layer, name in enumerate(names)]
    source = np.insert(kept, where, count + np.arange(len(blobs)))
    new_row = np.full(count + len(blobs), -1, np.int64)
    new_row[source] = np.arange(len(source))
    number = np.arange(len(blobs))
    ones = np.ones(len(blobs), np.int64)
    marks = _table(ENTRIES_SCHEMA, [number, number, names, ["reg"] * len(blobs), ones, [None] * len(blobs)])
    together = pa.concat_tables([base.entries, marks]).unify_dictionaries().combine_chunks()
    row_of = np.where(entry >= 0, new_row[entry], -1)
    return together.take(pa.array(source)), np.concatenate([row_of, new_row[count:]])


def _places(row_of: Ints, blobs: Sequence[EstimatedBlob]) -> tuple[pa.Table, pa.Table]:
    units: list[tuple[Ints, ...]] = []
    extents: list[tuple[Ints, ...]] = []
    first_unit = 0
    for layer, blob in enumerate(blobs):
        places, count = blob.places, len(blob.places.unit_offset)
        raw = np.bincount(places.unit, weights=places.length, minlength=count).astype(np.int64)
        units.append((np.full(count, layer), places.unit_offset, places.unit_size, raw))
        member = places.member
        landmark = blob.order.members[blob.order.landmark]
        entry = row_of[
            np.where(member == landmark, len(row_of) - len(blobs) + layer, np.minimum(member, len(row_of) - 1))
        ]
        columns = (entry, places.start, places.length, places.unit + first_unit, places.inner)
        extents.append(tuple(values[entry >= 0] for values in columns))
        first_unit += count
    unit_columns = [np.concatenate(parts) for parts in zip(*units, strict=True)]
    entry, start, *rest = (np.concatenate(parts) for parts in zip(*extents, strict=True))
    order = np.lexsort((start, entry))
    total = len(unit_columns[0])
    return (
        _table(UNITS_SCHEMA, [*unit_columns, _same("gzip", total), [None] * total]),
        _table(EXTENTS_SCHEMA, [values[order] for values in (entry, start, *rest)]),
    )


def _blob_table(blobs: Sequence[EstimatedBlob]) -> pa.Table:
    return _table(
        BLOBS_SCHEMA,
        [
            range(len(blobs)),
            [blob.digest for blob in blobs],
            [blob.size for blob in blobs],
            [blob.raw_size for blob in blobs],
            [MEDIA_TYPE] * len(blobs),
            [blob.order.kind for blob in blobs],
            [blob.places.landmark_offset for blob in blobs],
        ],
    )


def _index(blobs: Sequence[EstimatedBlob]) -> pa.Table:
    """Of each blob the footer, then the TOC, as they are read."""
    rows: list[tuple[Any, ...]] = []
    for layer, blob in enumerate(blobs):
        rows.append((layer, "footer", blob.size - FOOTER_BYTES, FOOTER_BYTES, FOOTER_BYTES))
        rows.append((layer, "toc", blob.places.end, blob.toc_size, blob.toc_raw))
    return _table(INDEX_SCHEMA, list(zip(*rows, strict=True)))


def _table(schema: pa.Schema, columns: Sequence[Any]) -> pa.Table:
    arrays = [pa.array(values).cast(field.type) for values, field in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)


def _same(label: str, count: int) -> pa.Array:
    """A dictionary column of one value."""
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, np.int8), pa.int8()), pa.array([label]))

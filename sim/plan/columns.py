"""A layout's columns as plain Python lists and arrays, looked up once and shared by all nodes and runs."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from sim.core.bundle import column
from sim.core.layout import Layout
from sim.semantics.overlay import Overlay

IntColumn = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True, slots=True)
class LayoutColumns:
    """What the simulated clients ask a layout, by row number.

    unit_blob, unit_offset, unit_size, unit_raw: of each unit; lists, since single elements are read.
    unit_chunks: how many chunks lie in a unit, 1 at least; more than one where a minimum chunk size lets them share it.
    unit_section_end: where the client stops reading ahead for a unit: the end of the last chunk of its file.
    entry_first_unit, entry_last_unit: rows of a file's first and last unit, −1 for entries without data.
    """

    digest: list[str]
    size: list[int]
    raw_size: list[int]
    files: list[int]
    landmark: list[str]
    landmark_offset: list[int]
    index_toc: list[tuple[int, int, int]]  # by blob: offset, compressed bytes, bytes of JSON
    index_footer: list[tuple[int, int]]  # by blob: offset, bytes
    unit_blob: list[int]
    unit_offset: list[int]
    unit_size: list[int]
    unit_raw: list[int]
    unit_chunks: list[int]
    unit_section_end: list[int]
    entry_path: list[str]
    entry_layer: list[int]
    entry_first_unit: IntColumn
    entry_last_unit: IntColumn
    blob_units: list[tuple[int, int]]  # by blob: first unit, one past the last
    overlay: Overlay  # what the union of the layers shows
    entry_of: dict[tuple[int, str], int]  # by layer and path


def layout_columns(layout: Layout) -> LayoutColumns:
    """Look a layout's columns up; costs tens of milliseconds for a hundred thousand units."""
    blobs = layout.blobs.to_pydict()
    unit_blob, unit_offset = column(layout.units, "blob"), column(layout.units, "offset")
    first, last = _entry_units(layout)
    toc, footer = _index(layout)
    bounds = np.searchsorted(unit_blob, np.arange(len(blobs["size"]) + 1))
    paths, layers = layout.entries.column("path").to_pylist(), layout.entries.column("layer").to_pylist()
    return LayoutColumns(
        digest=blobs["digest"],
        size=blobs["size"],
        raw_size=[size or 0 for size in blobs["raw_size"]],
        files=np.bincount(column(layout.entries, "blob"), minlength=len(blobs["size"])).tolist(),
        landmark=blobs["landmark"],
        landmark_offset=[offset or 0 for offset in blobs["landmark_offset"]],
        index_toc=toc,
        index_footer=footer,
        unit_blob=unit_blob.tolist(),
        unit_offset=unit_offset.tolist(),
        unit_size=column(layout.units, "size").tolist(),
        unit_raw=column(layout.units, "raw_size").tolist(),
        unit_chunks=np.maximum(1, np.bincount(column(layout.extents, "unit"), minlength=len(unit_blob))).tolist(),
        unit_section_end=_section_ends(layout, unit_blob, unit_offset, last).tolist(),
        entry_path=paths,
        entry_layer=layers,
        entry_first_unit=first,
        entry_last_unit=last,
        blob_units=[(int(bounds[blob]), int(bounds[blob + 1])) for blob in range(len(blobs["size"]))],
        overlay=_overlay(layout, len(blobs["size"])),
        entry_of={key: entry for entry, key in enumerate(zip(layers, paths, strict=True))},
    )


def _overlay(layout: Layout, layers: int) -> Overlay:
    rows: list[list[tuple[str, str, int]]] = [[] for _ in range(layers)]
    names = ("layer", "path", "kind", "size")
    for layer, *row in zip(*(layout.entries.column(name).to_pylist() for name in names), strict=True):
        rows[layer].append(tuple(row))
    return Overlay(rows)


def _entry_units(layout: Layout) -> tuple[IntColumn, IntColumn]:
    """Rows of each entry's first and last unit; extents are sorted by (entry, file_offset)."""
    entry, unit = column(layout.extents, "entry"), column(layout.extents, "unit")
    first = np.full(layout.entries.num_rows, -1, dtype=np.int64)
    last = first.copy()
    first[entry[::-1]] = unit[::-1]
    last[entry] = unit
    return first, last


def _section_ends(layout: Layout, unit_blob: IntColumn, unit_offset: IntColumn, last: IntColumn) -> IntColumn:
    """End of the reader's section for each unit: the start of the unit after its file's last one, or the blob's end.

    Source: stargz-snapshotter estargz/estargz.go, `fileReader.ReadAt` and `initFields` (nextOffset).
    """
    blob_size = column(layout.blobs, "size")
    following = np.append(unit_offset[1:], 0)
    is_last_of_blob = np.append(unit_blob[1:] != unit_blob[:-1], True)
    unit_end = np.where(is_last_of_blob, blob_size[unit_blob], following) if len(unit_blob) else following[:0]
    ends = unit_end.copy()
    entry, unit = column(layout.extents, "entry"), column(layout.extents, "unit")
    np.maximum.at(ends, unit, unit_end[last[entry]])
    return ends


def _index(layout: Layout) -> tuple[list[tuple[int, int, int]], list[tuple[int, int]]]:
    blobs = layout.blobs.num_rows
    toc, footer = [(0, 0, 0)] * blobs, [(0, 0)] * blobs
    for row in layout.index.to_pylist():
        if row["kind"] == "toc":
            toc[row["blob"]] = (row["offset"], row["size"], row["raw_size"])
        elif row["kind"] == "footer":
            footer[row["blob"]] = (row["offset"], row["size"])
    return toc, footer

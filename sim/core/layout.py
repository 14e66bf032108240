"""`Layout`: where the bytes of a tree lie in the blobs of one format.

Client habits (50,000-byte regions, 2 MiB reads) are not layout; they belong to the client.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from sim.core.bundle import BundleKind, read_bundle, write_bundle

Landmark = Literal["absent", "prefetch", "no_prefetch"]

BLOBS_SCHEMA = pa.schema(
    [
        ("layer", pa.int32()),  # the tree's layer this blob holds; row number = blob number
        ("digest", pa.string()),  # "sha256:…" of the compressed bytes
        ("size", pa.int64()),  # compressed bytes
        ("raw_size", pa.int64()),  # bytes after decompression of the whole blob; null if never decompressed
        ("media_type", pa.string()),
        ("landmark", pa.dictionary(pa.int8(), pa.string())),  # absent, prefetch, no_prefetch
        ("landmark_offset", pa.int64()),  # bytes before it are worth prefetching; null where absent
    ]
)
ENTRIES_SCHEMA = pa.schema(
    [
        ("blob", pa.int32()),
        ("layer", pa.int32()),
        ("path", pa.string()),
        ("kind", pa.dictionary(pa.int8(), pa.string())),
        ("size", pa.int64()),
        ("link", pa.string()),  # hard link: clean path of the target in the same layer
    ]
)
UNITS_SCHEMA = pa.schema(
    [
        ("blob", pa.int32()),
        ("offset", pa.int64()),  # first compressed byte in the blob
        ("size", pa.int64()),  # compressed bytes of this unit
        ("raw_size", pa.int64()),  # bytes it decodes to that belong to files
        ("codec", pa.dictionary(pa.int8(), pa.string())),  # gzip, zstd, raw
        ("digest", pa.binary(32)),  # sha256 of the raw bytes; null where the format has none
    ]
)
EXTENTS_SCHEMA = pa.schema(
    [
        ("entry", pa.int32()),  # row number in entries
        ("file_offset", pa.int64()),
        ("length", pa.int64()),
        ("unit", pa.int32()),  # row number in units
        ("unit_offset", pa.int64()),  # where the extent starts in the unit's raw bytes
    ]
)
INDEX_SCHEMA = pa.schema(
    [
        ("blob", pa.int32()),
        ("kind", pa.dictionary(pa.int8(), pa.string())),  # footer, toc
        ("offset", pa.int64()),  # null: a blob of its own, fetched whole (external TOC, zTOC)
        ("size", pa.int64()),  # compressed bytes
        ("raw_size", pa.int64()),  # bytes to parse once decompressed (TOC: the JSON)
    ]
)
LAYOUT_KIND = BundleKind(
    "layout",
    1,
    {
        "blobs": BLOBS_SCHEMA,
        "entries": ENTRIES_SCHEMA,
        "units": UNITS_SCHEMA,
        "extents": EXTENTS_SCHEMA,
        "index": INDEX_SCHEMA,
    },
)


@dataclass(frozen=True, eq=False)
class Layout:
    """One image in one format.

    format: "gzip" (ordinary layers, whatever their codec), "estargz", "zstd-chunked", "soci"; "+" joins those of a mix.
    content_id: of the `Tree` whose bytes these are.
    blobs, entries, units, extents, index: tables with the schemas above. Units are sorted by
    (blob, offset), extents by (entry, file_offset), entries by (layer, path).
    synthetic: true when any part was made up rather than read from a real blob.
    estimated: no such blob was written: sizes and places were computed from measured compressibility of the same files.
    """

    format: str
    content_id: str
    blobs: pa.Table
    entries: pa.Table
    units: pa.Table
    extents: pa.Table
    index: pa.Table
    synthetic: bool = False
    estimated: bool = False


def write_layout(path: Path, layout: Layout, provenance: dict[str, Any]) -> None:
    """Write a layout bundle; `provenance` names the converter, its version and its options."""
    header = {
        "format": layout.format,
        "content_id": layout.content_id,
        "synthetic": layout.synthetic,
        "provenance": provenance,
        **({"estimated": True} if layout.estimated else {}),
    }
    write_bundle(path, LAYOUT_KIND, header, {name: getattr(layout, name) for name in LAYOUT_KIND.tables})


def read_layout(path: Path | str) -> Layout:
    """Read a layout bundle. Raises `BadBundle`."""
    header, tables = read_bundle(path, LAYOUT_KIND)
    flags = {name: bool(header.get(name, False)) for name in ("synthetic", "estimated")}
    return Layout(str(header["format"]), str(header["content_id"]), **tables, **flags)

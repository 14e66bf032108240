"""Columns of cleaned layers to the tables of `Tree` and `Layout`."""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sim.core.layout import ENTRIES_SCHEMA, EXTENTS_SCHEMA, UNITS_SCHEMA
from sim.core.tree import FILE_KINDS, FILES_SCHEMA, Tree
from sim.formats.files import HARDLINK, REG, LayerFiles

Ints = npt.NDArray[np.int64]
LAYER_MEDIA_TYPES = {  # OCI image-spec, media-types.md; a lazy layer is an ordinary one to who does not know its format
    "gzip": "application/vnd.oci.image.layer.v1.tar+gzip",
    "raw": "application/vnd.oci.image.layer.v1.tar",
    "zstd": "application/vnd.oci.image.layer.v1.tar+zstd",
}


def make_tree(layers: Sequence[LayerFiles]) -> Tree:
    """Tree of the layers, bottom first; sorted by (layer, path)."""
    parts = [_tree_part(layer, files) for layer, files in enumerate(layers)]
    return Tree(pa.concat_tables([*parts, FILES_SCHEMA.empty_table()], promote_options="none").combine_chunks())


def make_entries(layers: Sequence[LayerFiles]) -> pa.Table:
    """`entries` of a layout whose blob number is the layer number: all that the blobs list, landmarks too."""
    parts = [
        pa.Table.from_arrays(
            [
                constant(layer, len(files.paths)),
                constant(layer, len(files.paths)),
                pa.array(files.paths, pa.string()),
                labels(files.kinds, FILE_KINDS),
                pa.array(files.sizes),
                pa.array([link if code == HARDLINK else None for link, code in _links(files)], pa.string()),
            ],
            schema=ENTRIES_SCHEMA,
        )
        for layer, files in enumerate(layers)
    ]
    return pa.concat_tables([*parts, ENTRIES_SCHEMA.empty_table()], promote_options="none").combine_chunks()


def entry_rows(layers: Sequence[LayerFiles]) -> list[Ints]:
    """For each layer: row of the archive's listing → row in `entries` of the regular file it is, else −1."""
    first, found = 0, []
    for files in layers:
        rows = np.full(int(files.source.max(initial=-1)) + 1, -1, np.int64)
        regular = np.flatnonzero(files.kinds == REG)
        rows[files.source[regular]] = regular + first
        found.append(rows)
        first += len(files.paths)
    return found


def make_units(columns: Sequence[Ints], *, codecs: pa.DictionaryArray, digests: list[bytes | None]) -> pa.Table:
    """`units` from blob, offset, size and raw size, sorted by (blob, offset)."""
    blob, offset, size, raw_size = columns
    arrays = [pa.array(blob.astype(np.int32)), pa.array(offset), pa.array(size), pa.array(raw_size), codecs]
    return pa.Table.from_arrays([*arrays, pa.array(digests, pa.binary(32))], schema=UNITS_SCHEMA)


def make_extents(entry: Ints, file_offset: Ints, length: Ints, unit: Ints, unit_offset: Ints) -> pa.Table:
    """`extents`, sorted by (entry, file offset)."""
    order = np.lexsort((file_offset, entry))
    arrays = [
        pa.array(entry[order].astype(np.int32)),
        pa.array(file_offset[order]),
        pa.array(length[order]),
        pa.array(unit[order].astype(np.int32)),
        pa.array(unit_offset[order]),
    ]
    return pa.Table.from_arrays(arrays, schema=EXTENTS_SCHEMA)


def labels(codes: npt.NDArray[np.int8], names: Sequence[str]) -> pa.DictionaryArray:
    """Dictionary column from codes and their names."""
    return pa.DictionaryArray.from_arrays(pa.array(codes, pa.int8()), pa.array(names, pa.string()))


def codec_labels(codecs: Sequence[str], *, usual: tuple[str, ...]) -> pa.DictionaryArray:
    """The codec column of `units`. usual: names that are listed though unused, as stored layouts have them."""
    names = (*usual, *sorted(set(codecs) - set(usual)))
    code = {name: number for number, name in enumerate(names)}
    return labels(np.array([code[codec] for codec in codecs], np.int8), names)


def constant(value: int, count: int) -> pa.Array:
    """A 32-bit column of one value."""
    return pa.array(np.full(count, value, np.int32))


def _tree_part(layer: int, files: LayerFiles) -> pa.Table:
    table = pa.Table.from_arrays(
        [
            constant(layer, len(files.paths)),
            pa.array(files.paths, pa.string()),
            labels(files.kinds, FILE_KINDS),
            pa.array(files.sizes),
            pa.array(files.modes),
            pa.array(files.links, pa.string()),
            pa.array(files.digests, pa.binary(32)),
        ],
        schema=FILES_SCHEMA,
    )
    return table.filter(pa.array(files.in_tree))


def _links(files: LayerFiles) -> Iterator[tuple[str | None, int]]:
    return zip(files.links, files.kinds.tolist(), strict=True)

"""Measuring the blocks of an image: one pass over its layers, each file deflated at several chunk sizes.

What is compressed is what the writer compresses: the payload of a file, and behind its last chunk the padding and the
headers up to the next payload (sim.formats.estargz).
"""

import itertools
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import deflate
import numpy as np
import pyarrow as pa

from sim.core.blocks import BLOCK_BYTES, BLOCKS_SCHEMA, LAYERS_SCHEMA, MEMBERS_SCHEMA, Blocks
from sim.core.layout import Layout
from sim.core.source import FileSource
from sim.core.tree import Tree
from sim.formats.blocks_tar import KeptEntry, unpacked
from sim.formats.blocks_toc import TocText
from sim.formats.deflated import LEVEL, deflate_file, deflated_size
from sim.formats.tarlayer import TarLayer, read_tar_layer, tar_layers_layout

MOST_WORKERS = 8
MAX_SIZE = 1 << 60  # a chunk size that no file reaches


def measure_image(paths: Sequence[Path], *, workers: int | None = None) -> tuple[Tree, Layout, Blocks]:
    """Tree, gzip layout and blocks of layer files, lowest first. Raises `BadBlob`, and `BadInput` for a missing file.

    workers: threads that compress; None: one a core, eight at most. Needs room for one layer's tar in the folder for
    temporary files.
    """
    with ExitStack() as files:
        layers = [read_tar_layer(files.enter_context(FileSource(path))) for path in paths]
        tree, layout = tar_layers_layout(layers)
        return tree, layout, measure_blocks(layers, layout, workers=workers)


def measure_blocks(layers: Sequence[TarLayer], layout: Layout, *, workers: int | None = None) -> Blocks:
    """Blocks of layers that were read, lowest first. layout: theirs, whose `entries` the blocks refer to."""
    count = workers or min(MOST_WORKERS, os.cpu_count() or 1)
    first, parts = 0, []
    with ThreadPoolExecutor(count) as pool:
        for number, layer in enumerate(layers):
            parts.append(_measure(layer, number, first, pool))
            first += len(layer.files.paths)
    columns = list(zip(*parts, strict=True))
    tables = [
        pa.concat_tables([*tables, schema.empty_table()]).combine_chunks()
        for tables, schema in zip(columns, (LAYERS_SCHEMA, MEMBERS_SCHEMA, BLOCKS_SCHEMA), strict=True)
    ]
    return Blocks(layout.content_id, compressor(), *tables)


def compressor() -> str:
    """What deflates: the library with its version, and the level."""
    return f"libdeflate (deflate {deflate.__version__}), level {LEVEL}"


def _measure(layer: TarLayer, number: int, first: int, pool: ThreadPoolExecutor) -> tuple[pa.Table, ...]:
    """Tables of one layer. first: its first row in the layout's entries."""
    row_of = {row: place for place, row in enumerate(layer.files.source.tolist())}
    with unpacked(layer) as (tar, entries):
        headers = [tar.read_at(entry.start, entry.payload - entry.start) for entry in entries]
        groups = _groups(entries)
        files = [entry for entry in entries if entry.size]
        tails = [
            bytes(file.padding) + b"".join(headers[row] for row in rows)
            for file, rows in zip(files, groups[1:], strict=True)
        ]
        measured = list(pool.map(lambda file, tail: deflate_file(tar, file.payload, file.size, tail), files, tails))
    packed = [deflated_size(b"".join(headers[row] for row in groups[0])), *(file.tail_packed for file in measured)]
    toc = TocText(entries, headers, [_digest(layer, row_of.get(entry.row)) for entry in entries])
    return (
        _table(LAYERS_SCHEMA, [[toc.packed(MAX_SIZE)], [toc.packed(BLOCK_BYTES)]]),
        _table(
            MEMBERS_SCHEMA,
            [
                np.full(len(entries), number),
                [first + row_of[entry.row] if entry.row in row_of else -1 for entry in entries],
                [entry.size for entry in entries],
                [len(header) for header in headers],
                _header_packed(headers, groups, packed),
                toc.object_bytes,
                toc.name_bytes,
            ],
        ),
        _table(BLOCKS_SCHEMA, [_joined(file.packed for file in measured), _joined(file.saved for file in measured)]),
    )


def _groups(entries: Sequence[KeptEntry]) -> list[list[int]]:
    """Rows of the entries whose headers lie before the first payload, then of those behind each file's payload."""
    groups: list[list[int]] = [[]]
    for row, entry in enumerate(entries):
        groups[-1].append(row)
        if entry.size:
            groups.append([])
    return groups


def _header_packed(headers: Sequence[bytes], groups: list[list[int]], packed: Sequence[int]) -> list[int]:
    """What each entry's headers deflate to: those that are compressed together share it by their bytes."""
    found = [0] * len(headers)
    for rows, total in zip(groups, packed, strict=True):
        whole, done = max(1, sum(len(headers[row]) for row in rows)), 0
        for row in rows:
            done, before = done + len(headers[row]), done
            found[row] = total * done // whole - total * before // whole
    return found


def _digest(layer: TarLayer, place: int | None) -> bytes | None:
    """sha256 of an entry's bytes; None for what is no regular file or was not kept."""
    return None if place is None else layer.files.digests[place]


def _joined(parts: Iterable[list[int]]) -> list[int]:
    return list(itertools.chain.from_iterable(parts))


def _table(schema: pa.Schema, columns: Sequence[Any]) -> pa.Table:
    arrays = [pa.array(values).cast(field.type) for values, field in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)

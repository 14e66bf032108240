"""Measuring the blocks of an image: each file deflated at several chunk sizes, as the writer would deflate it.

What is compressed is what the writer compresses: the payload of a file, and behind its last chunk the padding and the
headers up to the next payload (sim.formats.estargz.write_parts).
"""

import itertools
import os
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import deflate
import numpy as np
import pyarrow as pa

from sim.core.blocks import BLOCK_BYTES, BLOCKS_SCHEMA, LAYERS_SCHEMA, MEMBERS_SCHEMA, Blocks, with_steps
from sim.core.layout import Layout
from sim.core.source import FileSource, Source
from sim.core.tree import Tree
from sim.formats.blocks_layer import WrittenEntry, toc_packed, written_entries
from sim.formats.deflated import LEVEL, Deflated, FileInTar, deflate_file, deflated_size
from sim.formats.estargz.write_index import index_tar
from sim.formats.estargz.write_spool import spooled_tar
from sim.formats.joined import Joined, join_files
from sim.formats.tarlayer import TarLayer, read_tar_layer, tar_layers_layout

MOST_WORKERS = 8
WHOLE_FILES = 1 << 60  # a chunk size that no file reaches
SHARED_BYTES = 1 << 18  # raw bytes of a member that files share
TOCS = ((WHOLE_FILES, 0), (BLOCK_BYTES, 0), (WHOLE_FILES, SHARED_BYTES))  # chunk size and least raw bytes of a member

Groups = list[list[int]]


def measure_image(paths: Sequence[Path], *, workers: int | None = None) -> tuple[Tree, Layout, Blocks]:
    """Tree, gzip layout and blocks of layer files, lowest first. Raises `BadBlob`, and `BadInput` for a missing file.

    workers: threads that compress; None: one a core, eight at most. Needs room for one layer's tar in the folder for
    temporary files. Takes about a minute of one core for each 100 MB of files.
    """
    with ExitStack() as files:
        layers = [read_tar_layer(files.enter_context(FileSource(path))) for path in paths]
        tree, layout = tar_layers_layout(layers)
        return tree, layout, measure_blocks(layers, layout, workers=workers)


def measure_blocks(layers: Sequence[TarLayer], layout: Layout, *, workers: int | None = None) -> Blocks:
    """Blocks of layers that were read, lowest first. layout: theirs, whose `entries` the blocks refer to."""
    first, parts = 0, []
    with ThreadPoolExecutor(workers or min(MOST_WORKERS, os.cpu_count() or 1)) as pool:
        for number, layer in enumerate(layers):
            parts.append(_measure(layer, number, first, pool))
            first += len(layer.files.paths)
    schemas = (LAYERS_SCHEMA, MEMBERS_SCHEMA, BLOCKS_SCHEMA)
    tables = [
        pa.concat_tables([*(part[place] for part in parts), schema.empty_table()]).combine_chunks()
        for place, schema in enumerate(schemas)
    ]
    layers_table, members, blocks = tables
    return Blocks(layout.content_id, compressor(), layers_table, with_steps(members), blocks)


def compressor() -> str:
    """What deflates: the library with its version, and the level."""
    return f"libdeflate (deflate {deflate.__version__}), level {LEVEL}"


def _measure(layer: TarLayer, number: int, first: int, pool: ThreadPoolExecutor) -> tuple[pa.Table, ...]:
    """Tables of one layer, with rows for steps. first: its first row in the layout's entries."""
    folder = Path(tempfile.gettempdir())
    place_of = {int(layer.payload[row]): place for place, row in enumerate(layer.files.source.tolist())}
    with spooled_tar(layer.source, folder) as tar:
        index = index_tar(tar, BLOCK_BYTES)
        entries = written_entries(index)
        groups = _groups(entries)
        deflated, joined = _deflate(tar, entries, groups, pool)
        toc = [toc_packed(index, folder, chunk, member) for chunk, member in TOCS]
    places = [place_of.get(entry.payload) for entry in entries]
    members = [
        np.full(len(entries), number),
        [-1 if place is None else first + place for place in places],
        [entry.size for entry in entries],
        [len(entry.header) for entry in entries],
        _header_packed(entries, groups, deflated),
        [entry.toc_bytes for entry in entries],
        [entry.name_bytes for entry in entries],
        *_of_files(entries, [(file.close, file.near) for file in joined]),
    ]
    blocks = [
        list(itertools.chain.from_iterable(part))
        for part in (
            (file.packed for file in deflated),
            (file.saved for file in deflated),
        )
    ]
    return (
        _table(LAYERS_SCHEMA, [[size] for size in toc]),
        _table(MEMBERS_SCHEMA, members),
        _table(BLOCKS_SCHEMA, blocks),
    )


def _groups(entries: Sequence[WrittenEntry]) -> Groups:
    """Rows of the entries whose headers lie before the first payload, then of those behind each file's payload."""
    groups: Groups = [[]]
    for row, entry in enumerate(entries):
        groups[-1].append(row)
        if entry.size:
            groups.append([])
    return groups


def _deflate(
    tar: Source, entries: Sequence[WrittenEntry], groups: Groups, pool: ThreadPoolExecutor
) -> tuple[list[Deflated], list[Joined]]:
    """Measure every file that has bytes, in order."""
    with_bytes = [entry for entry in entries if entry.size]
    files = []
    for entry, rows in zip(with_bytes, groups[1:], strict=True):
        tail = bytes(entry.padding) + b"".join(entries[row].header for row in rows)
        files.append(FileInTar(entry.payload, entry.size, entry.header, tail))
    deflated = list(pool.map(partial(deflate_file, tar), files))
    return deflated, join_files(tar, files, deflated, pool)


def _header_packed(entries: Sequence[WrittenEntry], groups: Groups, deflated: Sequence[Deflated]) -> list[int]:
    """What each entry's headers deflate to: those that are compressed together share it by their bytes."""
    found = [0] * len(entries)
    head = deflated_size(b"".join(entries[row].header for row in groups[0]))
    for rows, total in zip(groups, [head, *(file.tail_packed for file in deflated)], strict=True):
        whole, done = max(1, sum(len(entries[row].header) for row in rows)), 0
        for row in rows:
            before, done = done, done + len(entries[row].header)
            found[row] = total * done // whole - total * before // whole
    return found


def _of_files(entries: Sequence[WrittenEntry], values: Sequence[tuple[int, ...]]) -> list[list[int]]:
    """Columns with the values of files that have bytes, and 0 for all else."""
    following = iter(values)
    rows = [next(following) if entry.size else (0, 0) for entry in entries]
    return [[row[column] for row in rows] for column in range(2)]


def _table(schema: pa.Schema, columns: Sequence[Any]) -> pa.Table:
    arrays = [pa.array(values).cast(field.type) for values, field in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)

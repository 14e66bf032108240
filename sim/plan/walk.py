"""In which order the client of a lazy layer decodes what it has prefetched: chunk by chunk, folder by folder.

Source: stargz-snapshotter fs/reader/reader.go, `cacheWithReader`, and estargz/types.go: a folder's entries are the
values of a Go map, in no order; a folder is walked to its end where it is met. Here a checksum of the names stands for
that order, so that the same layout always gives the same one.
"""

from bisect import bisect_left
from collections.abc import Iterator
from zlib import crc32

from sim.plan.columns import LayoutColumns


def prefetch_walk(columns: LayoutColumns, layer: int, before: int) -> Iterator[int]:
    """Units of the chunks of all files whose first chunk starts before an offset of a layer, as they are met.

    A unit that chunks share comes once for each of them.
    """
    bounds = (bisect_left(columns.entry_layer, number) for number in (layer, layer + 1))
    ahead = [
        entry
        for entry in range(*bounds)
        if (unit := int(columns.entry_first_unit[entry])) >= 0 and columns.unit_offset[unit] < before
    ]
    for entry in sorted(ahead, key=lambda entry: _place(columns.entry_path[entry])):
        yield from range(int(columns.entry_first_unit[entry]), int(columns.entry_last_unit[entry]) + 1)


def _place(path: str) -> tuple[int, ...]:
    """What a path is sorted by: everything below a folder stays together."""
    return tuple(crc32(name.encode("utf-8", "surrogateescape")) for name in path.split("/"))

"""Which units of a layout the reads of a trace need."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sim.core.bundle import column
from sim.core.errors import BadBundle
from sim.core.layout import Layout

IntColumn = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True, slots=True)
class Reads:
    """Reads and what they need.

    entry, offset, length: one value a read; row in the layout's entries, bytes of that file, clipped to its size.
    unit_start[k] : unit_start[k + 1]: slice of `units` that read k needs, in file order, without neighbouring repeats
    of one extent list.
    """

    entry: IntColumn
    offset: IntColumn
    length: IntColumn
    unit_start: IntColumn
    units: IntColumn

    def owners(self) -> IntColumn:
        """Read that needs it, for each of `units`."""
        return np.repeat(np.arange(len(self.entry)), np.diff(self.unit_start))


def locate(path: pa.DictionaryArray, layer: IntColumn, layout: Layout) -> IntColumn:
    """Row in the layout's entries for each (layer, path); a hard link gives the row it leads to.

    Raises `BadBundle` when the layout has no such entry or a hard link leads nowhere.
    """
    codes = path.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    places = layer * len(path.dictionary) + codes
    used = np.flatnonzero(np.bincount(places)) if len(places) else np.zeros(0, dtype=np.int64)
    used_layer, used_code = np.divmod(used, max(1, len(path.dictionary)))
    rows = _rows_of(used_layer, path.dictionary.take(pa.array(used_code)), layout)
    for at in np.flatnonzero(rows < 0)[:1]:
        name = path.dictionary[int(used_code[at])].as_py()
        raise BadBundle(
            f"the trace reads {name!r} in layer {used_layer[at]}, which the {layout.format} layout does not have; "
            "record the trace again on this image"
        )
    table = np.zeros(int(used[-1]) + 1 if len(used) else 0, dtype=np.int64)
    table[used] = _follow_links(rows, layout)
    entry: IntColumn = table[places]
    return entry


def find_units(entry: IntColumn, offset: IntColumn, length: IntColumn, layout: Layout) -> Reads:
    """Clip reads to their files and find the units they need."""
    size = column(layout.entries, "size")
    entry_size = size[entry]
    first = np.clip(offset, 0, entry_size)
    clipped = np.clip(offset + length, first, entry_size) - first
    extents = _Extents(layout, size)
    low, high = extents.by_division(entry, first, clipped)
    odd = np.flatnonzero(~extents.even[entry])
    if len(odd):
        low[odd], high[odd] = extents.by_search(entry[odd], first[odd], clipped[odd])
    extent, unit_start = _expand(low, np.where(clipped > 0, high, low))
    return Reads(entry, first, clipped, unit_start, extents.unit[extent])


class _Extents:
    """Finds the extents of a byte range of a file.

    even: by entry; its extents are of one length (the last may differ) and leave no hole, as where a file
    is cut into chunks, so a division finds them: many times faster than a search.
    """

    def __init__(self, layout: Layout, size: IntColumn) -> None:
        names = ("entry", "file_offset", "length", "unit")
        entry, offset, length, unit = (column(layout.extents, name).astype(np.int64) for name in names)
        self.unit = unit
        self._count = np.bincount(entry, minlength=len(size))
        self._first = np.cumsum(self._count) - self._count
        base = np.cumsum(size) - size  # files one behind the other: one rising address for all extents
        self._base, self._start, self._end = base, base[entry] + offset, base[entry] + offset + length
        some = self._count > 0
        self._chunk = np.ones(len(size), dtype=np.int64)
        self._chunk[some] = np.maximum(1, length[self._first[some]])
        place = np.arange(len(entry)) - self._first[entry]
        last = place == self._count[entry] - 1
        fits = np.where(last, offset + length == size[entry], length == self._chunk[entry])
        fits &= offset == place * self._chunk[entry]
        self.even = some & (np.bincount(entry[~fits], minlength=len(size)) == 0)

    def by_division(self, entry: IntColumn, offset: IntColumn, length: IntColumn) -> tuple[IntColumn, IntColumn]:
        """First extent and the one past the last of each byte range, for even entries."""
        chunk, first = self._chunk[entry], self._first[entry]
        final = self._count[entry] - 1
        low = np.minimum(offset // chunk, final)
        high = np.minimum((offset + length - 1) // chunk, final)
        return first + low, first + high + 1

    def by_search(self, entry: IntColumn, offset: IntColumn, length: IntColumn) -> tuple[IntColumn, IntColumn]:
        """Find the same for any entry."""
        address = self._base[entry] + offset
        low = np.searchsorted(self._end, address, side="right")
        return low, np.maximum(low, np.searchsorted(self._start, address + length, side="left"))


def _expand(low: IntColumn, high: IntColumn) -> tuple[IntColumn, IntColumn]:
    """Every number of the ranges [low, high), one behind the other, and where each range starts."""
    counts = high - low
    start = np.zeros(len(low) + 1, dtype=np.int64)
    np.cumsum(counts, out=start[1:])
    if len(counts) and counts.min() == counts.max() == 1:
        return low, start
    return np.arange(start[-1]) + np.repeat(low - start[:-1], counts), start


def _rows_of(layer: IntColumn, paths: pa.StringArray, layout: Layout) -> IntColumn:
    """Row of each (layer, path) in the layout's entries, −1 where it has none."""
    entry_layer = column(layout.entries, "layer")
    entry_path = layout.entries.column("path").combine_chunks()
    found = np.full(len(layer), -1, dtype=np.int64)
    for number in np.unique(layer):
        ours = np.flatnonzero(layer == number)
        theirs = np.flatnonzero(entry_layer == number)
        at = pc.index_in(paths.take(pa.array(ours)), value_set=entry_path.take(pa.array(theirs)))
        at = pc.fill_null(at, -1).to_numpy(zero_copy_only=False)
        found[ours[at >= 0]] = theirs[at[at >= 0]]
    return found


def _follow_links(rows: IntColumn, layout: Layout) -> IntColumn:
    """Replace hard links by what they lead to."""
    is_link = pc.equal(layout.entries.column("kind").cast(pa.string()), "hardlink").combine_chunks()
    is_link = is_link.to_numpy(zero_copy_only=False)
    links = layout.entries.column("link").combine_chunks()
    layer = column(layout.entries, "layer").astype(np.int64)
    rows = rows.copy()
    for _ in range(layout.entries.num_rows):  # a chain of links is at most that long; a longer one is a ring
        at = np.flatnonzero(is_link[rows])
        if not len(at):
            return rows
        targets = _rows_of(layer[rows[at]], links.take(pa.array(rows[at])), layout)
        for lost in np.flatnonzero(targets < 0)[:1]:
            name = layout.entries.column("path")[int(rows[at[lost]])].as_py()
            raise BadBundle(f"{layout.format} layout: hard link {name!r} leads nowhere; build the layout again")
        rows[at] = targets
    raise BadBundle(f"{layout.format} layout: hard links lead to one another; build the layout again")

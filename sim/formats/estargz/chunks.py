"""The chunk table of a lazy layer: where each piece of each file lies, checked as a whole. Columns, no objects."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from sim.core.errors import BadBlob
from sim.formats.estargz.digests import parse_digest
from sim.formats.estargz.entries import TocEntry
from sim.formats.files import REG

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
CHUNK = -1  # code of a further chunk of a file, beside those of `FILE_KINDS`


@dataclass(frozen=True, eq=False)
class ChunkTable:
    """Chunks in blob order, and the units (gzip members or zstd frames) they lie in.

    owner: row in the listing of the file; chunks of one file are neighbours, in file order.
    offset, inner_offset: of the unit in the blob, of the payload in its decoded bytes.
    entries: of the TOC. entry: row in it of each chunk. unit: row of the unit a chunk lies in.
    unit_offset, unit_size: of each in the blob; it ends where the next begins, the last where the payload ends.
    """

    owner: Ints
    file_offset: Ints
    length: Ints
    offset: Ints
    inner_offset: Ints
    entries: list[TocEntry]
    entry: Ints
    unit: Ints
    unit_offset: Ints
    unit_size: Ints
    where: str

    @cached_property
    def digests(self) -> list[bytes | None]:
        """sha256 of each chunk, None where the TOC gives none. Raises `BadBlob` when one is malformed."""
        return [self.digest(chunk) for chunk in range(len(self.entry))]

    def digest(self, chunk: int) -> bytes | None:
        """sha256 of one chunk, None where the TOC gives none. Raises `BadBlob` when it is malformed.

        A file in one piece may give its own digest only.
        """
        entry = self.entries[self.entry[chunk]]
        alone = entry.type != "chunk" and entry.size == self.length[chunk]
        text = entry.chunk_digest or (entry.digest if alone else "")
        return parse_digest(text, self.where, "chunk") if text else None

    def of_file(self, row: int) -> tuple[int, int]:
        """First and past-the-last chunk of the file at a row of the listing."""
        first, last = np.searchsorted(self.owner, [row, row + 1]).tolist()
        return first, last


def build_chunks(entries: list[TocEntry], kinds: Ints, payload_end: int, where: str) -> ChunkTable:
    """Chunk table of a TOC. Raises `BadBlob` when chunks leave gaps, overlap or lie outside the payload.

    kinds: code of each entry, `CHUNK` for a chunk. `owner` counts the entries that are not chunks.
    """
    chunk = kinds == CHUNK
    regular = kinds == REG
    file_size = _ints([entry.size for entry in entries])
    rows = np.flatnonzero(chunk | (regular & (file_size > 0)))
    owner_entry = np.maximum.accumulate(np.where(chunk, -1, np.arange(len(entries))))[rows]
    is_chunk = chunk[rows]
    _check_owners(owner_entry, regular, file_size, rows, where)

    file_offset = _ints([entry.chunk_offset for entry in entries])[rows]
    written = _ints([entry.chunk_size for entry in entries])[rows]
    size = file_size[owner_entry]
    length = np.where(written > 0, written, size - file_offset)
    _check_cover(file_offset, length, size, is_chunk, picked_rows=rows, where=where)

    offset = _ints([entry.offset for entry in entries])[rows]
    inner = _ints([entry.inner_offset for entry in entries])[rows]
    _check_places(offset, inner, length, rows, payload_end=payload_end, where=where)
    starts = np.diff(offset, prepend=-1) != 0
    unit_offset = offset[starts]
    return ChunkTable(
        owner=(np.cumsum(~chunk) - 1)[owner_entry],
        file_offset=file_offset,
        length=length,
        offset=offset,
        inner_offset=inner,
        entries=entries,
        entry=rows,
        unit=np.cumsum(starts) - 1,
        unit_offset=unit_offset,
        unit_size=np.diff(unit_offset, append=payload_end),
        where=where,
    )


def _ints(values: list[int]) -> Ints:
    """A column of numbers; mostly 0 is all there is, which is seen faster than converted."""
    count = len(values)
    return np.fromiter(values, np.int64, count) if any(values) else np.zeros(count, np.int64)


def _check_owners(owner: Ints, regular: Bools, file_size: Ints, rows: Ints, where: str) -> None:
    orphan = owner < 0
    if not orphan.any():
        orphan = ~(regular[owner] & (file_size[owner] > 0))
    _refuse(orphan, rows, where, "is a chunk, but of no file with bytes")


def _check_cover(
    file_offset: Ints, length: Ints, size: Ints, is_chunk: Bools, *, picked_rows: Ints, where: str
) -> None:
    """Chunks of a file must follow each other from 0 to its size."""
    end = file_offset + length
    expected = np.where(is_chunk, np.concatenate(([0], end[:-1])) if len(end) else end, 0)
    last = np.append(~is_chunk[1:], True) if len(end) else is_chunk
    _refuse((length <= 0) | (file_offset != expected), picked_rows, where, "does not follow the chunk before it")
    _refuse(last & (end != size), picked_rows, where, "ends a file whose chunks do not add up to its size")


def _check_places(offset: Ints, inner: Ints, length: Ints, rows: Ints, *, payload_end: int, where: str) -> None:
    """Payloads lie before its end in the order of the TOC, and no two in the same place."""
    outside = (offset >= payload_end) | (offset + inner == 0)  # a tar header is before every payload
    _refuse(outside, rows, where, f"has its bytes outside the payload of {payload_end} bytes")
    step = np.diff(offset, prepend=0)
    _refuse(step < 0, rows, where, "lies before its predecessor in the blob")
    free = np.concatenate(([0], (inner + length)[:-1])) if len(inner) else inner
    same = np.diff(offset, prepend=-1) == 0
    _refuse(same & (inner < free), rows, where, "overlaps the chunk before it in one unit")


def _refuse(bad: Bools, rows: Ints, where: str, what: str) -> None:
    if bad.any():
        row = int(rows[np.argmax(bad)])
        raise BadBlob(f"{where}: TOC entry {row} {what}; rebuild the layer or fetch it again")

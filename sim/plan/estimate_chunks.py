"""The chunks of one layer in blob order, and what each would add to a gzip member."""

from dataclasses import dataclass

import numpy as np

from sim.plan.estimate_members import Floats, Ints, Measured
from sim.plan.layout_options import LayoutOptions

TAR_BLOCK = 512
NEIGHBOURS = 16  # so many files further in the tar, what was measured behind the one before still holds


@dataclass(frozen=True, eq=False)
class Chunks:
    """One value a chunk; what lies behind a file up to the next payload counts with its last one.

    member: row among the measured ones. start, length: raw bytes in its file.
    alone: deflated bytes that it adds as the first of a gzip member. close, near: what of these it saves behind
    2 and behind 32 KiB of other chunks. raw: the same not deflated.
    packed: bytes of its blocks, each a gzip member of its own.
    head, head_raw: deflated and raw bytes before the first chunk.
    """

    member: Ints
    start: Ints
    length: Ints
    alone: Floats
    close: Floats
    near: Floats
    raw: Ints
    packed: Ints
    head: float
    head_raw: int


def cut_chunks(measured: Measured, members: Ints, options: LayoutOptions) -> Chunks:
    """Cut the files among the members, which are in blob order."""
    sizes = measured.size[members]
    files, size = members[sizes > 0], sizes[sizes > 0]
    counts = -(-size // options.chunk_size_bytes)
    file = np.repeat(np.arange(len(files)), counts)
    number = np.arange(len(file)) - np.repeat(np.cumsum(counts) - counts, counts)
    start = number * options.chunk_size_bytes
    end = np.minimum(start + options.chunk_size_bytes, size[file])
    before: Ints = np.cumsum(sizes > 0) - (sizes > 0)  # files before each entry: its header is behind the last of them

    def behind(values: Ints) -> Ints:
        return np.bincount(before, weights=values, minlength=len(files) + 1).astype(np.int64)

    headers, packed = behind(measured.header[members]), behind(measured.header_packed[members])
    last = end == size[file]
    alone = measured.deflated(files[file], start, end)
    close, near = _saved(measured, files, file, start, alone - measured.follows(files[file], start, end))
    return Chunks(
        member=files[file],
        start=start,
        length=end - start,
        alone=alone + np.where(last, packed[file + 1], 0),
        close=close,
        near=near,
        raw=end - start + np.where(last, -size[file] % TAR_BLOCK + headers[file + 1], 0),
        packed=measured.packed_alone(files[file], start, end),
        head=float(packed[0]),
        head_raw=int(headers[0]),
    )


def _saved(measured: Measured, files: Ints, file: Ints, start: Ints, seam: Floats) -> tuple[Floats, Floats]:
    """Deflated bytes that chunks save behind others: few of these, and many.

    seam: what a further chunk of a file saves behind the one before it. A first one was measured behind what is
    before it in the tar; behind anything else it saves about nothing.
    """
    ahead = np.diff(measured.file_number[files], prepend=-1)
    is_near = ((ahead > 0) & (ahead <= NEIGHBOURS))[file]
    close, near = (
        np.where(start > 0, seam, np.where(is_near, values[files[file]], 0))
        for values in (measured.close, measured.near)
    )
    return close, near

"""The chunks of one layer in blob order, and what each would add to a gzip member."""

from dataclasses import dataclass

import numpy as np

from sim.plan.estimate_members import Floats, Ints, Measured
from sim.plan.layout_options import LayoutOptions

TAR_BLOCK = 512
FLUSH_BYTES = 5  # of a chunk before another in one member: an empty stored block, RFC 1951, 3.2.4


@dataclass(frozen=True, eq=False)
class Chunks:
    """One value a chunk; what lies behind a file up to the next payload counts with its last one.

    member: row among the measured ones. start, length: raw bytes in its file. alone, joined: deflated bytes that it
    adds as the first of a gzip member and behind another chunk. raw: the same not deflated.
    head, head_raw: deflated and raw bytes before the first chunk.
    """

    member: Ints
    start: Ints
    length: Ints
    alone: Floats
    joined: Floats
    raw: Ints
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
    headers = np.bincount(before, weights=measured.header[members], minlength=len(files) + 1).astype(np.int64)
    packed = np.bincount(before, weights=measured.header_packed[members], minlength=len(files) + 1)
    last = end == size[file]
    alone, joined = _costs(measured, files, file, (start, end), shared=options.min_chunk_size_bytes > 0)
    behind = np.where(last, packed[file + 1], 0.0)
    return Chunks(
        member=files[file],
        start=start,
        length=end - start,
        alone=alone + behind,
        joined=joined + behind,
        raw=end - start + np.where(last, -size[file] % TAR_BLOCK + headers[file + 1], 0),
        head=float(packed[0]),
        head_raw=int(headers[0]),
    )


def _costs(
    measured: Measured, files: Ints, file: Ints, span: tuple[Ints, Ints], *, shared: bool
) -> tuple[Floats, Floats]:
    """Deflated bytes of chunks as first of a member and behind others. file: of each chunk; span: start and end there.

    Members that chunks share are streamed, by a compressor of its own. What a file saves behind another one is known
    for the one before it in the tar, and for one of another place.
    """
    member, (start, end) = files[file], span
    alone = measured.deflated(member, start, end)
    if not shared:
        return alone, alone
    ratio, flush = measured.stream_ratio[member], np.where(start > 0, FLUSH_BYTES, 0)
    follows_its_neighbour = np.diff(measured.file_number[files], prepend=-1) == 1
    saved = np.where(follows_its_neighbour, measured.near[files], measured.far[files])[file]
    joined = measured.follows(member, start, end) * ratio - np.where(start == 0, saved, 0)
    return alone * ratio + flush, joined + flush

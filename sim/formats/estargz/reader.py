"""Reading files out of a lazy layer. Every chunk is checked against its digest before a byte of it is given."""

import hashlib

import numpy as np

from sim.core.errors import BadBlob, BadInput
from sim.formats.estargz.blob import EstargzBlob
from sim.formats.units import decode_unit

MAX_CHUNK_BYTES = 1 << 30  # a chunk is held in memory whole; the converter's default is 4 MiB


def read_file(blob: EstargzBlob, path: str, offset: int, length: int) -> bytes:
    """Up to `length` bytes of a regular file from `offset`; fewer at its end, none beyond. Hard links are followed.

    Raises `BadInput` when there is no such file or the range is negative, `BadBlob` when a chunk is damaged.
    """
    row = blob.files.listed(path)
    if row is None:
        raise BadInput(
            f"{blob.source.name}: no regular file {path!r} in this layer; list it with `lazypull image show`"
        )
    if offset < 0 or length < 0:
        raise BadInput(
            f"{blob.source.name}: cannot read {length} bytes of {path!r} from {offset}; both must be 0 or more"
        )
    end = min(offset + length, blob.files.listing.sizes[row])
    if offset >= end:
        return b""
    table = blob.chunks
    first, last = table.of_file(row)
    starts = table.file_offset[first:last]
    begin_chunk = first + int(np.searchsorted(starts, offset, side="right")) - 1
    end_chunk = first + int(np.searchsorted(starts, end, side="left"))
    data = b"".join(read_chunk(blob, chunk) for chunk in range(begin_chunk, end_chunk))
    skip = offset - int(table.file_offset[begin_chunk])
    return data[skip : skip + end - offset]


def read_chunk(blob: EstargzBlob, chunk: int, *, max_bytes: int = MAX_CHUNK_BYTES) -> bytes:
    """All bytes of one chunk (a row of the chunk table), checked. Raises `BadBlob`."""
    table, where = blob.chunks, f"{blob.source.name}: chunk at byte {blob.chunks.offset[chunk]}"
    length, skip, expected = int(table.length[chunk]), int(table.inner_offset[chunk]), table.digest(chunk)
    if expected is None:
        raise BadBlob(f"{where} has no digest in the TOC, so it cannot be checked; convert the layer again")
    if length > max_bytes:
        raise BadBlob(f"{where} has {length} bytes, at most {max_bytes} are read at once; convert with smaller chunks")
    unit = int(table.unit[chunk])
    start = int(table.unit_offset[unit])
    data = bytearray()
    position = 0  # in the decoded bytes of the unit
    for piece in decode_unit(blob.footer.codec, blob.source, start, start + int(table.unit_size[unit])):
        data += piece[max(0, skip - position) : skip + length - position]
        position += len(piece)
        if position >= skip + length:
            break
    if len(data) < length:
        raise BadBlob(f"{where} gives {len(data)} of {length} bytes; the blob or its TOC is damaged, fetch it again")
    if hashlib.sha256(data).digest() != expected:
        raise BadBlob(f"{where} does not have the digest in the TOC; the blob is damaged, fetch it again")
    return bytes(data)

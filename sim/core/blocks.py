"""`Blocks`: how well an image's files compress, measured once, so that any eStargz layout of it can be estimated.

All sizes are of raw deflate data, without the 18 bytes of a gzip member's head and trailer. docs/formats.md defines
every column.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from sim.core.bundle import BundleKind, column, read_bundle, write_bundle

BLOCK_BYTES = 1 << 16  # the least chunk that can be estimated
MAX_CHUNK_BYTES = 1 << 24  # the largest
CLOSE_BYTES = 1 << 11  # raw bytes before a file behind which it is measured, few
WINDOW_BYTES = 1 << 15  # and as many as deflate refers back to: RFC 1951, 2
WINDOW_STEPS = math.log(WINDOW_BYTES / CLOSE_BYTES)

MEMBERS_SCHEMA = pa.schema(
    [
        ("layer", pa.int32()),  # rows in order of the layer's tar, layers lowest first
        ("entry_step", pa.int32()),  # row in the gzip layout's entries, less the one before: see `entry_rows`
        ("size", pa.int64()),  # bytes of a regular file, else 0
        ("header", pa.int32()),  # bytes of its tar headers
        ("header_packed", pa.int32()),  # deflated bytes they add behind what lies before them in the tar
        ("toc", pa.int32()),  # bytes of its object in the TOC, without what depends on chunks and places
        ("name", pa.int32()),  # bytes of its name as JSON text: each further chunk repeats it
        ("close", pa.int32()),  # deflated bytes that a file saves in one member with the 2 KiB before it in the tar
        ("near", pa.int32()),  # the same with the 32 KiB or more before it: see `saved_behind`
    ]
)
BLOCKS_SCHEMA = pa.schema(
    [  # one row for each 64 KiB of each regular file, in order of members; the last of a file is shorter
        ("packed", pa.int32()),  # deflated bytes of the block alone
        ("saved", pa.int32()),  # deflated bytes saved by the block before it in the same chunk; 0 for a file's first
    ]
)
LAYERS_SCHEMA = pa.schema(
    [
        ("toc_packed", pa.int64()),  # compressed member of the TOC when no file has a second chunk
        ("toc_packed_most", pa.int64()),  # the same with chunks of 64 KiB
        ("toc_packed_shared", pa.int64()),  # the same as `toc_packed` when files share members of 256 KiB
    ]
)
BLOCKS_KIND = BundleKind("blocks", 2, {"layers": LAYERS_SCHEMA, "members": MEMBERS_SCHEMA, "blocks": BLOCKS_SCHEMA})


@dataclass(frozen=True, eq=False)
class Blocks:
    """Measured compressibility of one image.

    content_id: of the `Tree` whose files these are. compressor: library, version and level that were measured.
    layers, members, blocks: tables with the schemas above.
    """

    content_id: str
    compressor: str
    layers: pa.Table
    members: pa.Table
    blocks: pa.Table


def entry_rows(members: pa.Table) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Row number of each member in the gzip layout's entries; -1 for one that the layout does not list.

    Stored as steps from one to the next, which are mostly 1 and so take no room.
    """
    return np.cumsum(column(members, "entry_step").astype(np.int64))


def saved_behind(close: float, near: float, before: int) -> float:
    """Deflated bytes a file saves behind so many raw ones: between the two lengths even in their logarithm."""
    if before <= CLOSE_BYTES:
        return close * before / CLOSE_BYTES
    return close + (near - close) * window_share(before)


def window_share(before: int) -> float:
    """How far a number of raw bytes is from `CLOSE_BYTES` to `WINDOW_BYTES`: 0 to 1."""
    return math.log(min(max(before, CLOSE_BYTES), WINDOW_BYTES) / CLOSE_BYTES) / WINDOW_STEPS


def with_steps(members: pa.Table) -> pa.Table:
    """The table with `entry_step` as steps, where it has the rows themselves."""
    place = members.schema.get_field_index("entry_step")
    steps = np.diff(column(members, "entry_step"), prepend=np.int32(0))
    return members.set_column(place, members.schema.field(place), pa.array(steps, pa.int32()))


def write_blocks(path: Path, blocks: Blocks, provenance: dict[str, Any]) -> None:
    """Write a blocks bundle."""
    header = {"content_id": blocks.content_id, "compressor": blocks.compressor, "provenance": provenance}
    write_bundle(path, BLOCKS_KIND, header, {name: getattr(blocks, name) for name in BLOCKS_KIND.tables})


def read_blocks(path: Path | str) -> Blocks:
    """Read a blocks bundle. Raises `BadBundle`."""
    header, tables = read_bundle(path, BLOCKS_KIND)
    return Blocks(str(header["content_id"]), str(header["compressor"]), **tables)

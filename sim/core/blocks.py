"""`Blocks`: how well an image's files compress, measured once, so that any eStargz layout of it can be estimated.

All sizes are of raw deflate data, without the 18 bytes of a gzip member's head and trailer. docs/formats.md defines
every column.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from sim.core.bundle import BundleKind, read_bundle, write_bundle

BLOCK_BYTES = 1 << 16  # the least chunk that can be estimated
MAX_CHUNK_BYTES = 1 << 24  # the largest

MEMBERS_SCHEMA = pa.schema(
    [
        ("layer", pa.int32()),  # rows in order of the layer's tar, layers lowest first
        ("entry", pa.int32()),  # row number in the gzip layout's entries; -1 for an entry that it does not list
        ("size", pa.int64()),  # bytes of a regular file, else 0
        ("header", pa.int32()),  # bytes of its tar headers
        ("header_packed", pa.int32()),  # deflated bytes they add behind what lies before them in the tar
        ("toc", pa.int32()),  # bytes of its object in the TOC, without what depends on chunks and places
        ("name", pa.int32()),  # bytes of its name as JSON text: each further chunk repeats it
        ("streamed", pa.int64()),  # deflated bytes of a file in one chunk, as members are that chunks share
        ("near", pa.int32()),  # bytes of that saved in a member behind the file before it in the tar
        ("far", pa.int32()),  # the same behind a file of another place
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
    ]
)
BLOCKS_KIND = BundleKind("blocks", 1, {"layers": LAYERS_SCHEMA, "members": MEMBERS_SCHEMA, "blocks": BLOCKS_SCHEMA})


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


def write_blocks(path: Path, blocks: Blocks, provenance: dict[str, Any]) -> None:
    """Write a blocks bundle."""
    header = {"content_id": blocks.content_id, "compressor": blocks.compressor, "provenance": provenance}
    write_bundle(path, BLOCKS_KIND, header, {name: getattr(blocks, name) for name in BLOCKS_KIND.tables})


def read_blocks(path: Path | str) -> Blocks:
    """Read a blocks bundle. Raises `BadBundle`."""
    header, tables = read_bundle(path, BLOCKS_KIND)
    return Blocks(str(header["content_id"]), str(header["compressor"]), **tables)

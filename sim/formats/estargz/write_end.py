"""The end of a blob: TOC and footer, by the sort of blob.

Sources: stargz-snapshotter, estargz/gzip.go, estargz/zstdchunked/zstdchunked.go, estargz/externaltoc/externaltoc.go.
"""

import hashlib
from collections.abc import Iterator
from itertools import chain

from sim.formats.estargz.footer import SKIPPABLE_HEAD
from sim.formats.estargz.write_pack import Packer
from sim.formats.estargz.write_toc import TocWriter
from sim.formats.estargz.write_units import BlobOutput
from sim.formats.names import TOC_NAME
from sim.formats.tarentry import REG, TarEntry
from sim.formats.tarheader import BLOCK
from sim.formats.tarwrite import encode_header

END_BLOCKS = bytes(2 * BLOCK)  # of a tar that is closed
EMPTY_BODY = b"\x01\x00\x00\xff\xff" + bytes(8)  # an empty stored block, checksum and size
EXTERNAL_SUBFIELD = b"STARGZEXTERNALTOC"
MANIFEST_TYPE = 1  # zstdchunked.go, manifestTypeCRFS
FOOTER_MAGIC = b"GnUlInUx"
MANIFEST_CHECKSUM = "io.containers.zstd-chunked.manifest-checksum"
MANIFEST_POSITION = "io.containers.zstd-chunked.manifest-position"


def write_tarred_toc(toc: TocWriter, packer: Packer, output: BlobOutput) -> None:
    """A gzip member with a tar of the TOC alone."""
    for packed in _packed(_tarred(toc, output), toc.size + 2 * BLOCK, packer):
        output.write(packed)


def gzip_footer(toc_offset: int) -> bytes:
    """Footer of a blob whose TOC is in it."""
    return _footer(b"%016xSTARGZ" % toc_offset)


def external_footer() -> bytes:
    """Footer of a blob whose TOC is elsewhere."""
    return _footer(EXTERNAL_SUBFIELD)


def write_zstd_end(toc: TocWriter, packer: Packer, output: BlobOutput) -> dict[str, str]:
    """TOC and footer of zstd:chunked, each in a skippable frame. Gives the annotations that say where the TOC is."""
    packed = b"".join(_packed(toc.pieces(), toc.size, packer))
    output.write(_skippable(packed))
    offset = output.size - len(packed)
    numbers = (offset, len(packed), toc.size, MANIFEST_TYPE)
    output.write(_skippable(b"".join(number.to_bytes(8, "little") for number in numbers) + FOOTER_MAGIC))
    return {
        MANIFEST_CHECKSUM: f"sha256:{hashlib.sha256(packed).hexdigest()}",
        MANIFEST_POSITION: ":".join(map(str, numbers)),
    }


def _tarred(toc: TocWriter, output: BlobOutput) -> Iterator[bytes]:
    """Header, JSON, padding and end blocks; part of the tar that the diff ID is of."""
    header = encode_header(TarEntry(flag=REG, name=TOC_NAME.encode(), size=toc.size), TOC_NAME)
    for piece in chain((header,), toc.pieces(), (bytes(-toc.size % BLOCK) + END_BLOCKS,)):
        output.count(piece)
        yield piece


def _packed(pieces: Iterator[bytes], size: int, packer: Packer) -> Iterator[bytes]:
    """The pieces as one unit, whole where it is not too large."""
    if size <= packer.whole_bytes:
        yield packer.pack(b"".join(pieces))
        return
    unit = packer.open()
    for piece in pieces:
        yield unit.feed(piece)
    yield unit.finish()


def _footer(subfield: bytes) -> bytes:
    extra = b"SG" + len(subfield).to_bytes(2, "little") + subfield
    return b"\x1f\x8b\x08\x04\0\0\0\0\0\xff" + len(extra).to_bytes(2, "little") + extra + EMPTY_BODY


def _skippable(data: bytes) -> bytes:
    return SKIPPABLE_HEAD + len(data).to_bytes(4, "little") + data

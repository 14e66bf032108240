"""The footer of a lazy layer's blob: an empty gzip member or a skippable zstd frame that says where the TOC is.

Sources: stargz-snapshotter, docs/estargz.md, "Footer"; estargz/gzip.go; estargz/externaltoc/externaltoc.go;
estargz/zstdchunked/zstdchunked.go; google/crfs stargz.go for the legacy one.
"""

import re
from dataclasses import dataclass
from typing import Literal

from sim.core.errors import BadBlob
from sim.core.source import Source
from sim.formats.units import Codec

FOOTER_SIZE = 51  # 10 header + 2 XLEN + 4 subfield head + 22 subfield + 5 empty block + 8 trailer
LEGACY_FOOTER_SIZE = 47  # stargz wrote the 22 bytes without the 4-byte subfield head
EXTERNAL_FOOTER_SIZE = 46  # 17-byte subfield that names no offset: the TOC is a blob of its own
ZSTD_FOOTER_SIZE = 40  # five 64-bit numbers, the last one a magic
SKIPPABLE_HEAD = b"\x50\x2a\x4d\x18"  # of the frames that hold TOC and footer; a 32-bit size follows
SKIPPABLE_HEAD_BYTES = 8
GZIP_HEAD = rb"\x1f\x8b\x08\x04.{6}"  # deflate, FEXTRA only; time, level and system do not matter
EXTRA = rb"([0-9a-fA-F]{16})STARGZ"  # 22 bytes: offset of the TOC in hex
TAIL = rb"\x01\x00\x00\xff\xff.{8}"  # empty stored block; checksum and length are not looked at

_FOOTER = re.compile(GZIP_HEAD + rb"\x1a\x00SG\x16\x00" + EXTRA + TAIL, re.DOTALL)
_LEGACY = re.compile(GZIP_HEAD + rb"\x16\x00" + EXTRA + TAIL, re.DOTALL)
_EXTERNAL = re.compile(GZIP_HEAD + rb"\x15\x00SG\x11\x00STARGZEXTERNALTOC" + TAIL, re.DOTALL)
# Offset of the TOC, its compressed and its raw size; the type of manifest is not looked at, as in the reference reader.
_ZSTD = re.compile(rb"\x50\x2a\x4d\x18\x28\x00\x00\x00(.{8})(.{8})(.{8}).{8}GnUlInUx", re.DOTALL)

FooterKind = Literal["estargz", "legacy", "external", "zstd-chunked"]


@dataclass(frozen=True, slots=True)
class Footer:
    """Where a blob keeps its parts; offsets from its start.

    size: bytes of the footer itself. payload_end: where the last unit ends.
    toc_offset, toc_size: the compressed TOC in this blob; both 0 where the TOC is a blob of its own.
    toc_raw_size: bytes of the TOC's JSON; None where it is not said.
    """

    kind: FooterKind
    size: int
    payload_end: int
    toc_offset: int
    toc_size: int
    toc_raw_size: int | None = None

    @property
    def codec(self) -> Codec:
        """What units and TOC are compressed with."""
        return "zstd" if self.kind == "zstd-chunked" else "gzip"


def read_footer(source: Source) -> Footer:
    """Find the TOC from the end of a blob. Raises `BadBlob`."""
    length = min(FOOTER_SIZE, source.size)
    return parse_footer(source.read_at(source.size - length, length), source.size, source.name)


def parse_footer(tail: bytes, blob_size: int, where: str) -> Footer:
    """Find the TOC from the last bytes of a blob.

    tail: the last `FOOTER_SIZE` bytes, fewer if the blob is smaller. Raises `BadBlob` when no known footer is
    there or when it points outside the blob.
    """
    if match := _FOOTER.fullmatch(tail[-FOOTER_SIZE:]):
        return _gzip_footer("estargz", FOOTER_SIZE, int(match[1], 16), blob_size, where)
    if match := _LEGACY.fullmatch(tail[-LEGACY_FOOTER_SIZE:]):
        return _gzip_footer("legacy", LEGACY_FOOTER_SIZE, int(match[1], 16), blob_size, where)
    if match := _ZSTD.fullmatch(tail[-ZSTD_FOOTER_SIZE - SKIPPABLE_HEAD_BYTES :]):
        offset, size, raw_size = (int.from_bytes(part, "little") for part in match.groups())
        return _zstd_footer(offset, size, raw_size, blob_size, where)
    if blob_size >= EXTERNAL_FOOTER_SIZE and _EXTERNAL.fullmatch(tail[-EXTERNAL_FOOTER_SIZE:]):
        return Footer("external", EXTERNAL_FOOTER_SIZE, blob_size - EXTERNAL_FOOTER_SIZE, toc_offset=0, toc_size=0)
    raise BadBlob(
        f"{where}: no eStargz or zstd:chunked footer in the last {len(tail)} of {blob_size} bytes;"
        " it is an ordinary layer or cut short: convert it, or fetch it again"
    )


def _gzip_footer(kind: FooterKind, size: int, toc_offset: int, blob_size: int, where: str) -> Footer:
    toc_end = blob_size - size
    if not 0 < toc_offset < toc_end:
        raise BadBlob(
            f"{where}: eStargz footer says the TOC starts at byte {toc_offset} of {blob_size},"
            f" which is not before the footer at {toc_end}; the blob is damaged, fetch it again"
        )
    return Footer(kind, size, toc_offset, toc_offset, toc_end - toc_offset)


def _zstd_footer(toc_offset: int, toc_size: int, raw_size: int, blob_size: int, where: str) -> Footer:
    toc_end = blob_size - ZSTD_FOOTER_SIZE - SKIPPABLE_HEAD_BYTES
    if toc_offset <= SKIPPABLE_HEAD_BYTES or toc_size == 0 or toc_offset + toc_size != toc_end:
        raise BadBlob(
            f"{where}: zstd:chunked footer says the TOC is {toc_size} bytes at byte {toc_offset} of {blob_size},"
            f" which do not end at the footer at {toc_end}; the blob is damaged, fetch it again"
        )
    payload_end = toc_offset - SKIPPABLE_HEAD_BYTES
    return Footer("zstd-chunked", ZSTD_FOOTER_SIZE, payload_end, toc_offset, toc_size, raw_size)

"""The footer of an eStargz blob: an empty gzip member whose extra field says where the TOC starts.

Source: stargz-snapshotter, docs/estargz.md, "Footer"; estargz/gzip.go; google/crfs stargz.go for the legacy one.
"""

import re
from dataclasses import dataclass
from typing import Literal

from sim.core.errors import BadBlob
from sim.core.source import Source

FOOTER_SIZE = 51  # 10 header + 2 XLEN + 4 subfield head + 22 subfield + 5 empty block + 8 trailer
LEGACY_FOOTER_SIZE = 47  # stargz wrote the 22 bytes without the 4-byte subfield head
EXTERNAL_FOOTER_SIZE = 46  # 17-byte subfield that names no offset: the TOC is in another image
GZIP_HEAD = rb"\x1f\x8b\x08\x04.{6}"  # deflate, FEXTRA only; time, level and system do not matter
EXTRA = rb"([0-9a-fA-F]{16})STARGZ"  # 22 bytes: offset of the TOC in hex
TAIL = rb"\x01\x00\x00\xff\xff.{8}"  # empty stored block; checksum and length are not looked at

_FOOTER = re.compile(GZIP_HEAD + rb"\x1a\x00SG\x16\x00" + EXTRA + TAIL, re.DOTALL)
_LEGACY = re.compile(GZIP_HEAD + rb"\x16\x00" + EXTRA + TAIL, re.DOTALL)
_EXTERNAL = re.compile(GZIP_HEAD + rb"\x15\x00SG\x11\x00STARGZEXTERNALTOC" + TAIL, re.DOTALL)

FooterKind = Literal["estargz", "legacy"]


@dataclass(frozen=True, slots=True)
class Footer:
    """Where the TOC is. toc_offset: bytes from the start of the blob to the gzip member of the TOC."""

    kind: FooterKind
    toc_offset: int
    size: int  # bytes of the footer itself


def read_footer(source: Source) -> Footer:
    """Find the TOC from the end of a blob. Raises `BadBlob`."""
    length = min(FOOTER_SIZE, source.size)
    return parse_footer(source.read_at(source.size - length, length), source.size, source.name)


def parse_footer(tail: bytes, blob_size: int, where: str) -> Footer:
    """Find the TOC from the last bytes of a blob.

    tail: the last `FOOTER_SIZE` bytes, fewer if the blob is smaller. Raises `BadBlob` when no known footer is
    there, when it points outside the blob, or when the TOC is kept outside of it.
    """
    for kind, size, pattern in (("estargz", FOOTER_SIZE, _FOOTER), ("legacy", LEGACY_FOOTER_SIZE, _LEGACY)):
        match = pattern.fullmatch(tail[-size:])
        if match is not None:
            return _inside(
                Footer("legacy" if kind == "legacy" else "estargz", int(match[1], 16), size), blob_size, where
            )
    if _EXTERNAL.fullmatch(tail[-EXTERNAL_FOOTER_SIZE:]):
        raise BadBlob(
            f"{where}: this eStargz layer keeps its TOC in another image, which is not read;"
            " convert it without --estargz-external-toc"
        )
    raise BadBlob(
        f"{where}: no eStargz footer in the last {len(tail)} of {blob_size} bytes;"
        " it is an ordinary layer or cut short: convert it, or fetch it again"
    )


def _inside(footer: Footer, blob_size: int, where: str) -> Footer:
    if not 0 < footer.toc_offset < blob_size - footer.size:
        raise BadBlob(
            f"{where}: eStargz footer says the TOC starts at byte {footer.toc_offset} of {blob_size},"
            f" which is not before the footer at {blob_size - footer.size}; the blob is damaged, fetch it again"
        )
    return footer

"""The TOC of a lazy layer: JSON, in a one-file tar in a gzip member of its own or, for zstd:chunked, in a zstd frame.

Sources: stargz-snapshotter, docs/estargz.md, "TOC"; estargz/zstdchunked/zstdchunked.go.
"""

import hashlib
import tarfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from sim.core.errors import BadBlob, BadInput
from sim.core.source import Source
from sim.formats.estargz.entries import TocEntry, parse_toc
from sim.formats.estargz.footer import SKIPPABLE_HEAD, SKIPPABLE_HEAD_BYTES, Footer
from sim.formats.estargz.toc_member import TocMember
from sim.formats.names import TOC_NAME
from sim.formats.units import Codec
from sim.formats.zstdframes import decode_frames

TAR_BLOCK = 512
MAX_TOC_BYTES = 1 << 28  # of JSON: some 600,000 entries; a bigger layer is not known
MAX_TOC_ENTRIES = 2_000_000
MAX_DEFLATE_RATIO = 1032  # a run of one byte: 258 bytes from two bits
MAX_TOC_TAIL_BYTES = 1 << 20  # padding and end blocks after the JSON are 1,536 bytes at most
TAIL_BYTES = 1 << 16  # of them read at a time


@dataclass(frozen=True, slots=True)
class TocPlace:
    """Where the compressed TOC lies: in the layer's blob, or in one of its own. raw_size: of the JSON, where known."""

    source: Source
    offset: int
    size: int
    codec: Codec
    raw_size: int | None = None


@dataclass(frozen=True, eq=False)
class Toc:
    """A parsed TOC. digest ("sha256:…") and raw_size are those of the JSON."""

    entries: list[TocEntry]
    digest: str
    raw_size: int
    place: TocPlace


def toc_place(source: Source, footer: Footer, toc_source: Source | None) -> TocPlace:
    """Where the TOC of a blob is. toc_source: the TOC's own blob, if it has one. Raises `BadBlob`, `BadInput`."""
    if footer.kind != "external":
        if toc_source is not None:
            raise BadInput(f"{source.name}: the layer has its TOC inside; do not pass {toc_source.name} for it")
        return TocPlace(source, footer.toc_offset, footer.toc_size, footer.codec, footer.toc_raw_size)
    if toc_source is None:
        raise BadBlob(
            f"{source.name}: this eStargz layer keeps its TOC in another image (NAME-esgztoc);"
            " pass that TOC's blob too, or convert it without --estargz-external-toc"
        )
    return TocPlace(toc_source, 0, toc_source.size, footer.codec)


def read_toc(place: TocPlace, *, max_bytes: int = MAX_TOC_BYTES, max_entries: int = MAX_TOC_ENTRIES) -> Toc:
    """Decode a TOC, taking memory in proportion to `max_bytes` at most. Raises `BadBlob`."""
    raw = read_toc_json(place, max_bytes=max_bytes)
    with ThreadPoolExecutor(1) as pool:  # hashing leaves the interpreter's lock to the parser
        digest = pool.submit(hashlib.sha256, raw)
        entries = parse_toc(raw, place.source.name, max_entries=max_entries)
    return Toc(entries, f"sha256:{digest.result().hexdigest()}", len(raw), place)


def read_toc_json(place: TocPlace, *, max_bytes: int = MAX_TOC_BYTES) -> bytes | bytearray:
    """The TOC's JSON. Raises `BadBlob`."""
    return _read_bare(place, max_bytes) if place.codec == "zstd" else _read_tarred(place, max_bytes)


def _read_bare(place: TocPlace, max_bytes: int) -> bytearray:
    """JSON that is the content of a skippable frame of the size the footer gives."""
    source, where = place.source, place.source.name
    head = source.read_at(place.offset - SKIPPABLE_HEAD_BYTES, SKIPPABLE_HEAD_BYTES)
    if head != SKIPPABLE_HEAD + place.size.to_bytes(8, "little")[:4]:
        raise BadBlob(f"{where}: no skippable frame holds the TOC where the footer says it is; fetch the blob again")
    size = place.raw_size or 0
    _check_size(size, where, max_bytes)
    data = bytearray()
    pieces = decode_frames(source, place.offset, place.offset + place.size)
    _fill(data, pieces, size)
    if len(data) != size or next(pieces, None) is not None:
        raise BadBlob(f"{where}: TOC is not of the {size} bytes its footer says; fetch the blob again")
    return data


def _read_tarred(place: TocPlace, max_bytes: int) -> bytes:
    """JSON in a one-file tar in one gzip member."""
    where = place.source.name
    member = TocMember(place.source, place.offset, place.offset + place.size)
    size = _json_size(member.read(TAR_BLOCK), where)
    _check_size(size, where, max_bytes)
    if size > MAX_DEFLATE_RATIO * place.size:
        raise BadBlob(f"{where}: TOC of {size} bytes cannot come from {place.size}; fetch the blob again")
    data = member.read(size)
    if len(data) < size:
        raise BadBlob(f"{where}: TOC ends after {len(data)} of {size} bytes; fetch the blob again")
    beyond = 0
    while piece := member.read(TAIL_BYTES):
        beyond += len(piece)
        if beyond > MAX_TOC_TAIL_BYTES:
            raise BadBlob(f"{where}: gzip member of the TOC goes on long after the TOC; rebuild the layer")
    return data


def _fill(data: bytearray, pieces: Iterator[bytes], needed: int) -> None:
    """Take pieces until `needed` bytes are there or no more come."""
    while len(data) < needed:
        piece = next(pieces, None)
        if piece is None:
            return
        data += piece


def _check_size(size: int, where: str, max_bytes: int) -> None:
    if not 0 <= size <= max_bytes:
        raise BadBlob(f"{where}: TOC of {size} bytes, at most {max_bytes} are read; raise max_bytes if it is real")


def _json_size(block: bytes, where: str) -> int:
    """Size of the TOC from its tar header."""
    try:
        header = tarfile.TarInfo.frombuf(block, "utf-8", "replace")
    except tarfile.HeaderError as error:
        raise BadBlob(
            f"{where}: no tar header where the footer says the TOC starts ({error}); fetch it again"
        ) from None
    if header.name != TOC_NAME or not header.isreg():
        raise BadBlob(f"{where}: TOC entry is called {header.name[:80]!r}, not {TOC_NAME!r}; rebuild the layer")
    return header.size

"""A layer's tar unpacked to a temporary file, and its entries as a converter keeps them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from tempfile import NamedTemporaryFile
from typing import IO

from sim.core.source import FileSource, Source
from sim.formats.inflate import inflate_blob
from sim.formats.names import MARKER_NAMES, clean_name, text_of
from sim.formats.tarheader import BLOCK
from sim.formats.tarlayer import TarLayer
from sim.formats.tarstream import TarStream
from sim.formats.zstdframes import decode_frames

READ_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class KeptEntry:
    """One entry. row: in the tar's listing. start: of its headers in the tar; payload: of its `size` bytes."""

    row: int
    name: str
    kind: str
    size: int
    link: str
    start: int
    payload: int

    @property
    def padding(self) -> int:
        """Zero bytes behind the payload."""
        return -self.size % BLOCK


@contextmanager
def unpacked(layer: TarLayer) -> Iterator[tuple[Source, list[KeptEntry]]]:
    """Give the plain tar and its entries; the file is gone at the end. Raises `BadBlob`."""
    with NamedTemporaryFile(prefix="lazypull-blocks-") as file:
        entries = list(_entries(layer, file))
        file.flush()
        with FileSource(file.name) as tar:
            yield tar, _kept(entries)


def _entries(layer: TarLayer, file: IO[bytes]) -> Iterator[KeptEntry]:
    tar, end = TarStream(_noted(tar_pieces(layer), file), layer.source.name), 0
    for row, member in enumerate(tar):
        name, link = text_of(member.name), text_of(member.link)
        entry = KeptEntry(row, name, member.kind, member.size, link, end, member.offset)
        end = entry.payload + entry.size + entry.padding
        yield entry
    tar.drain()


def tar_pieces(layer: TarLayer) -> Iterator[bytes]:
    """Bytes of the plain tar."""
    match layer.codec:
        case "gzip":
            yield from inflate_blob(layer.source)
        case "zstd":
            yield from decode_frames(layer.source)
        case _:
            for offset in range(0, layer.source.size, READ_BYTES):
                yield layer.source.read_at(offset, min(READ_BYTES, layer.source.size - offset))


def _noted(pieces: Iterator[bytes], file: IO[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        file.write(piece)
        yield piece


def _kept(entries: list[KeptEntry]) -> list[KeptEntry]:
    """Without landmarks and TOC, and of several with one name the last. Source: estargz/build.go, `importTar`."""
    last = {clean_name(entry.name): entry.row for entry in entries}
    return [
        entry for entry in entries if last[name := clean_name(entry.name)] == entry.row and name not in MARKER_NAMES
    ]

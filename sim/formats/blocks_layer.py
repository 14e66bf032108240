"""One layer as the writer would write it: its entries with their headers and their place in the TOC."""

import hashlib
import io
import random
from dataclasses import dataclass
from pathlib import Path

from sim.formats.estargz.options import WriteOptions
from sim.formats.estargz.write_end import write_tarred_toc
from sim.formats.estargz.write_index import LayerIndex
from sim.formats.estargz.write_json import EMPTY_DIGEST, EntryText, EntryTexts, quote, string_field
from sim.formats.estargz.write_order import order_entries
from sim.formats.estargz.write_pack import packer_of
from sim.formats.estargz.write_parts import cut_parts
from sim.formats.estargz.write_toc import TocWriter
from sim.formats.estargz.write_units import PIECE_BYTES, BlobOutput
from sim.formats.tarentry import REG, TarEntry
from sim.formats.tarheader import BLOCK
from sim.formats.tarwrite import normalise

ANY_DIGEST = "sha256:" + "0" * 64


@dataclass(frozen=True, slots=True)
class WrittenEntry:
    """One entry. payload: offset of its `size` bytes in the tar; header: its tar headers as they are written.

    toc_bytes: of its object in the TOC with the comma behind it, without what depends on chunks and places;
    name_bytes: of its name there.
    """

    size: int
    payload: int
    header: bytes
    toc_bytes: int
    name_bytes: int

    @property
    def padding(self) -> int:
        """Zero bytes behind the payload."""
        return -self.size % BLOCK


def written_entries(index: LayerIndex) -> list[WrittenEntry]:
    """Entries of a layer in the order of its tar. Raises `BadBlob`."""
    where, texts = index.tar.name, EntryTexts(index.tar.name)
    found = []
    for row in range(len(index.starts)):
        entry, header = normalise(index.entry(row), where)
        toc_bytes = len(_object(entry, texts.text(entry)).encode())
        size = entry.size if entry.flag == REG else 0
        found.append(WrittenEntry(size, entry.payload, header, toc_bytes, len(quote(entry.name).encode())))
    return found


def toc_packed(index: LayerIndex, folder: Path, chunk_size: int, member_bytes: int) -> int:
    """Bytes of the gzip member of a TOC with chunks of that size; only the places of the chunks are made up.

    member_bytes: raw bytes of chunks and headers from which the next chunk opens a gzip member; 0: each opens one.
    """
    rng, place, inner = random.Random(0), 0, 0
    output = BlobOutput(io.BytesIO())
    with TocWriter(folder, index.tar.name) as toc:
        for part in cut_parts(order_entries(index, (), allow_missing=False), chunk_size):
            digest = hashlib.sha256()
            if part.chunk is not None:
                for start in range(0, part.chunk.size, PIECE_BYTES):
                    piece = part.chunk.read(index.tar, start, min(PIECE_BYTES, part.chunk.size - start))
                    digest.update(piece)
                    toc.hash_payload(part.chunk, piece)
            toc.add(part, place, inner, f"sha256:{digest.hexdigest()}")
            inner += part.raw_size
            if inner >= member_bytes:
                place, inner = place + rng.randrange(100, 300) + inner // 3, 0
        toc.close()
        write_tarred_toc(toc, packer_of(WriteOptions()), output)
    return output.size


def _object(entry: TarEntry, text: EntryText) -> str:
    if entry.flag != REG:
        return text.whole() + ",\n"
    if entry.size == 0:
        return text.whole(EMPTY_DIGEST) + ",\n"
    return EntryText(text.before, text.after + string_field("chunkDigest", ANY_DIGEST)).whole(ANY_DIGEST) + ",\n"

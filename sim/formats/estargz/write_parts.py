"""The converted tar cut into parts: each begins where a unit may begin, with the payload of a chunk.

What follows a payload up to the next one is in the same unit: padding and the headers of entries without payload.
Source: stargz-snapshotter, estargz/estargz.go, `appendTar`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from sim.core.sharing import PART_BYTES
from sim.core.source import Source
from sim.formats.estargz.write_json import EMPTY_DIGEST, EntryText, EntryTexts, head_text
from sim.formats.estargz.write_order import LANDMARK_BYTES, Order
from sim.formats.tarentry import REG
from sim.formats.tarheader import BLOCK
from sim.formats.tarwrite import normalise

MAX_TAIL_BYTES = 2 << 20  # headers and JSON that a part gathers before it is handed on


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a file. offset: of its payload in the tar, or None for the landmark, whose byte is not there.

    file_offset, size: in the file of `file_size` bytes. text: JSON of its TOC entry. stated_size: what the TOC says it
    is, if it does.
    """

    offset: int | None
    file_offset: int
    size: int
    file_size: int
    text: EntryText
    stated_size: int

    @property
    def first(self) -> bool:
        """Whether it is the first of its file."""
        return self.file_offset == 0

    @property
    def last(self) -> bool:
        """Whether it is the last of its file."""
        return self.file_offset + self.size == self.file_size

    def read(self, tar: Source, start: int, length: int) -> bytes:
        """Some bytes of the file, counted from the chunk's first. Raises `BadBlob`."""
        return LANDMARK_BYTES if self.offset is None else tar.read_at(self.offset + start, length)


@dataclass(slots=True)
class Part:
    """A chunk and what follows it. texts: TOC entries of the headers in `tail`.

    opens: a unit may begin here; it does not where the headers after a payload were too many for one part.
    closes: the next part opens one.
    """

    chunk: Chunk | None
    opens: bool
    closes: bool = True
    tail: bytearray = field(default_factory=bytearray)
    texts: list[str] = field(default_factory=list)
    text_size: int = 0

    @property
    def raw_size(self) -> int:
        """Bytes of the tar in this part."""
        return (self.chunk.size if self.chunk else 0) + len(self.tail)

    @property
    def batch_bytes(self) -> int:
        """What it counts in a batch: no more than an estimate knows of it too."""
        return PART_BYTES + self.raw_size

    @property
    def json_bytes(self) -> int:
        """About its JSON; a chunk's may be long, for its name may be."""
        text = self.chunk.text if self.chunk else EntryText("", "")
        return self.text_size + len(text.before) + len(text.after)

    @property
    def is_landmark(self) -> bool:
        """Whether it begins with a landmark, which shares its unit with nothing before it."""
        return self.chunk is not None and self.chunk.offset is None

    def add_text(self, text: str) -> None:
        """Append the TOC entry of a header."""
        self.texts.append(text)
        self.text_size += len(text)


def cut_parts(order: Order, chunk_size_bytes: int) -> Iterator[Part]:
    """Parts of the whole converted tar. The first one has headers only. Raises `BadBlob`."""
    where = order.index.tar.name
    texts = EntryTexts(where)
    part = Part(None, opens=True)
    for read in order.entries():
        entry, header = normalise(read or order.landmark_entry(), where)
        text = texts.text(entry)
        part.tail += header
        if entry.flag != REG or entry.size == 0:
            part.add_text(text.whole(EMPTY_DIGEST if entry.flag == REG else ""))
        else:
            offset = None if read is None else entry.payload
            for chunk in _chunks(entry.name, entry.size, offset, text, chunk_size_bytes):
                yield part
                part = Part(chunk, opens=True)
            part.tail += bytes(-entry.size % BLOCK)
        if len(part.tail) + part.text_size > MAX_TAIL_BYTES:
            part.closes = False
            yield part
            part = Part(None, opens=False)
    yield part


def _chunks(name: bytes, size: int, offset: int | None, text: EntryText, chunk_size_bytes: int) -> Iterator[Chunk]:
    """Pieces of one file. The TOC gives the size of full ones only."""
    for start in range(0, size, chunk_size_bytes):
        length = min(chunk_size_bytes, size - start)
        yield Chunk(
            offset=None if offset is None else offset + start,
            file_offset=start,
            size=length,
            file_size=size,
            text=EntryText(head_text(name, "chunk"), "") if start else text,
            stated_size=length if length == chunk_size_bytes else 0,
        )

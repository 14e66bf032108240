"""Walking a tar that comes as a stream, in bounded memory."""

from collections.abc import Iterator
from dataclasses import dataclass

from sim.core.errors import BadBlob
from sim.formats.tarheader import BLOCK, ZERO_BLOCK, TarHeader, parse_header, parse_pax, pax_number

MAX_SPECIAL_BYTES = 1 << 20  # of a PAX header or a GNU long name; Go's archive/tar has the same limit
LONG_NAME, LONG_LINK, PAX, PAX_GLOBAL = b"L", b"K", b"x", b"g"


class ByteStream:
    """Pieces of bytes, read as a stream. `position` counts the bytes that were taken."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._piece, self._start = pieces, b"", 0
        self.position = 0

    def some(self, limit: int) -> bytes:
        """Between 1 and `limit` bytes; none at the end."""
        while self._start >= len(self._piece):
            piece = next(self._pieces, None)
            if piece is None:
                return b""
            self._piece, self._start = piece, 0
        data = self._piece[self._start : self._start + limit]
        self._start += len(data)
        self.position += len(data)
        return data

    def exactly(self, count: int) -> bytes:
        """`count` bytes, or fewer at the end."""
        data = self.some(count)
        while len(data) < count and (more := self.some(count - len(data))):
            data += more
        return data


@dataclass(frozen=True, slots=True)
class Member:
    """One file of a tar. offset: of its payload in the tar. Read or skip the payload before the next member."""

    name: bytes
    kind: str
    mode: int
    size: int  # 0 for anything but a regular file
    link: bytes
    offset: int


class TarStream:
    """The members of a tar in order; `payload` gives the bytes of the one in hand, `head` those of its headers."""

    def __init__(self, pieces: Iterator[bytes], where: str) -> None:
        self.head = bytearray()
        self._stream, self._where = ByteStream(pieces), where
        self._left, self._padding = 0, 0

    def __iter__(self) -> Iterator[Member]:
        shared: dict[str, bytes] = {}
        extra: dict[str, bytes] = {}
        while (header := self._next_header()) is not None:
            if header.flag == PAX_GLOBAL:
                shared |= parse_pax(self._special(header), self._where)
            elif header.flag == PAX:
                extra |= parse_pax(self._special(header), self._where)
            elif header.flag in {LONG_NAME, LONG_LINK}:
                extra["path" if header.flag == LONG_NAME else "linkpath"] = self._special(header).split(b"\0", 1)[0]
            else:
                yield self._member(header, shared | extra)
                extra = {}
                self.head.clear()
        if extra:
            raise BadBlob(f"{self._where}: tar ends after an extended header without its file; fetch the layer again")

    def payload(self) -> Iterator[bytes]:
        """Bytes of the member in hand, in pieces. Raises `BadBlob` when the tar ends before it does."""
        while self._left:
            piece = self._stream.some(self._left)
            if not piece:
                raise self._cut(f"{self._left} bytes before a file ends")
            self._left -= len(piece)
            yield piece

    def drain(self) -> int:
        """Read what follows the last member. Returns the bytes of the whole tar."""
        while self._stream.some(1 << 20):
            pass
        return self._stream.position

    def _next_header(self) -> TarHeader | None:
        """The next header; None at the end, which is a zero block or the end of the bytes."""
        for _ in self.payload():
            pass
        if self._padding and len(self._stream.exactly(self._padding)) < self._padding:
            raise self._cut("inside the padding of a file")
        self._padding = 0
        at = self._stream.position
        block = self._stream.exactly(BLOCK)
        if not block or block == ZERO_BLOCK:
            return None
        if len(block) < BLOCK:
            raise self._cut("inside a header")
        self.head += block
        return parse_header(block, f"{self._where}: byte {at} of the tar")

    def _special(self, header: TarHeader) -> bytes:
        """Payload of an extended header."""
        if header.size > MAX_SPECIAL_BYTES:
            raise BadBlob(
                f"{self._where}: extended tar header of {header.size} bytes, at most {MAX_SPECIAL_BYTES} are read;"
                " rebuild the layer"
            )
        self._expect(header.size)
        data = b"".join(self.payload())
        self.head += data + bytes(self._padding)
        return data

    def _member(self, header: TarHeader, extra: dict[str, bytes]) -> Member:
        where = f"{self._where}: byte {self._stream.position} of the tar"
        header.name, header.link = extra.get("path", header.name), extra.get("linkpath", header.link)
        kind = header.kind()
        if kind is None or any(key.startswith("GNU.sparse.") for key in extra):
            what = f"type {header.flag!r}" if kind is None else "a sparse file"
            raise BadBlob(f"{where}: tar entry {header.name[:80]!r} is {what}, which is not read; rebuild the layer")
        size = pax_number(extra["size"], where) if "size" in extra else header.size
        self._expect(size if kind == "reg" else 0)
        return Member(header.name, kind, header.mode, self._left, header.link, self._stream.position)

    def _expect(self, size: int) -> None:
        """A payload of `size` bytes comes next, padded to whole blocks."""
        self._left, self._padding = size, -size % BLOCK

    def _cut(self, what: str) -> BadBlob:
        return BadBlob(f"{self._where}: tar is cut at byte {self._stream.position}, {what}; fetch the layer again")

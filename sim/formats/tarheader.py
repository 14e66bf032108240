"""Tar headers: ustar, PAX and GNU long names, as far as file layout needs them. Source: POSIX pax, GNU tar manual.

The standard library's reader takes a damaged header in the middle of an archive for its end; a layer that is
cut must be an error, so headers are read here.
"""

from dataclasses import dataclass

from sim.core.errors import BadBlob
from sim.formats.names import text_of

BLOCK = 512
MAX_NUMBER = 1 << 53  # no file is larger
ZERO_BLOCK = bytes(BLOCK)
KIND_OF_FLAG = {
    b"0": "reg",
    b"\0": "reg",
    b"7": "reg",  # contiguous: an ordinary file to everyone
    b"1": "hardlink",
    b"2": "symlink",
    b"3": "char",
    b"4": "block",
    b"5": "dir",
    b"6": "fifo",
}


@dataclass(slots=True)
class TarHeader:
    """One 512-byte header. name and link are raw bytes; size is of the payload that follows."""

    name: bytes
    mode: int
    size: int
    flag: bytes
    link: bytes

    def kind(self) -> str | None:
        """Kind of `FILE_KINDS`; None for a type that is no file."""
        if self.flag == b"\0" and self.name.endswith(b"/"):
            return "dir"  # before ustar, a directory was a file whose name ends in a slash
        return KIND_OF_FLAG.get(self.flag)


def parse_header(block: bytes, where: str) -> TarHeader:
    """Read one header. Raises `BadBlob` when its checksum or a number in it is wrong."""
    stored = _number(block[148:156], where)
    unsigned = sum(block[:148]) + 8 * 0x20 + sum(block[156:])
    if stored not in {unsigned, _signed_sum(block)}:
        raise BadBlob(f"{where}: no tar header here (checksum {stored}, computed {unsigned}); fetch the layer again")
    name = _cut(block[:100])
    prefix = _prefix(block)
    return TarHeader(
        name=prefix + b"/" + name if prefix else name,
        mode=_number(block[100:108], where),
        size=_number(block[124:136], where),
        flag=block[156:157],
        link=_cut(block[157:257]),
    )


def parse_pax(data: bytes, where: str) -> dict[str, bytes]:
    """Records of a PAX header: length, space, key, "=", value, newline. Raises `BadBlob`."""
    records: dict[str, bytes] = {}
    position = 0
    while position < len(data) and data[position] != 0:
        space = data.find(b" ", position, position + 20)
        digits = data[position:space] if space > 0 else b""
        end = position + int(digits) if digits.isdigit() else 0
        key, equals, value = data[space + 1 : max(end - 1, 0)].partition(b"=")
        if not space < end <= len(data) or not equals or data[end - 1 : end] != b"\n":
            raise BadBlob(f"{where}: PAX record at byte {position} is malformed; rebuild the layer")
        records[text_of(key)] = value
        position = end
    return records


def pax_number(value: bytes, where: str) -> int:
    """A decimal number of a PAX record. Raises `BadBlob`."""
    if not value.isdigit() or len(value) > 20 or int(value) > MAX_NUMBER:
        raise BadBlob(f"{where}: PAX size {value[:30]!r} is no size of a file; rebuild the layer")
    return int(value)


def _prefix(block: bytes) -> bytes:
    """First part of a long name. GNU tar keeps other things there, and star uses less of it."""
    if block[257:263] != b"ustar\0":
        return b""
    return _cut(block[345:476] if block[508:512] == b"tar\0" else block[345:500])


def _cut(field: bytes) -> bytes:
    return field.split(b"\0", 1)[0]


def _number(field: bytes, where: str) -> int:
    """Octal text, or base 256 when the first bit is set (GNU)."""
    if field[0] & 0x80:
        value = int.from_bytes(bytes([field[0] & 0x7F]) + field[1:], "big")
    else:
        text = _cut(field).strip(b" ")
        if text.strip(b"01234567"):
            raise BadBlob(f"{where}: tar header holds {field!r} where an octal number belongs; fetch the layer again")
        value = int(text, 8) if text else 0
    if value > MAX_NUMBER:
        raise BadBlob(f"{where}: tar header holds a number of {value.bit_length()} bits; rebuild the layer")
    return value


def _signed_sum(block: bytes) -> int:
    """Checksum as some old writers computed it, with signed bytes."""
    return sum(memoryview(block).cast("b")[:148]) + 8 * 0x20 + sum(memoryview(block).cast("b")[156:])

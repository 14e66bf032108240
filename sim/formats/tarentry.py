"""A tar entry with all that a converted layer keeps, read at its place in the tar as Go's archive/tar reads it.

The reference converter reads and writes headers with that library, and the diff ID covers the headers; what the
library drops, rounds or refuses is dropped, rounded or refused here. Source: Go src/archive/tar, reader.go, strconv.go.
"""

import struct
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from sim.core.errors import BadBlob
from sim.core.source import Source
from sim.formats.tarheader import BLOCK, ZERO_BLOCK
from sim.formats.tarwrite_time import MAX_TIME_S, SECOND_NS, parse_pax_time

USTAR, PAX, GNU = 1, 2, 4  # dialects a header may be of, as bits; 0: none exactly
MAX_SPECIAL_BYTES = 1 << 20  # of a PAX header or a GNU long name, archive/tar maxSpecialFileSize
MAX_SIZE = 1 << 53  # no file is larger
REG, LINK, SYMLINK, CHAR, BLOCK_DEVICE, DIR, FIFO = b"0", b"1", b"2", b"3", b"4", b"5", b"6"
KINDS = {
    REG: "reg",
    LINK: "hardlink",
    SYMLINK: "symlink",
    CHAR: "char",
    BLOCK_DEVICE: "block",
    DIR: "dir",
    FIFO: "fifo",
}
LONG_NAME, LONG_LINK, PAX_HEADER, PAX_GLOBAL = b"L", b"K", b"x", b"g"
REFUSED = {PAX_GLOBAL: "a global PAX header (of a git archive?)", b"7": "a contiguous file", b"S": "a sparse file"}
NO_RECORDS: Mapping[bytes, bytes] = MappingProxyType({})
SPARSE = b"GNU.sparse."
NO_NUL = (b"path", b"linkpath", b"uname", b"gname")  # records that hold no NUL, validPAXRecord
# name mode uid gid size mtime checksum flag link magic version uname gname major minor prefix
HEADER = struct.Struct("100s8s8s8s12s12s8sc100s6s2s32s32s8s8s155s12x")


class TarEntry(NamedTuple):
    """One entry. Times in nanoseconds since 1970, None where there is none; records: of its PAX header.

    start: of its first header in the tar; payload: of its `size` bytes; end: where the next entry may start.
    """

    flag: bytes
    name: bytes
    link: bytes = b""
    size: int = 0
    mode: int = 0
    uid: int = 0
    gid: int = 0
    uname: bytes = b""
    gname: bytes = b""
    mtime_ns: int = 0
    atime_ns: int | None = None
    ctime_ns: int | None = None
    major: int = 0
    minor: int = 0
    records: Mapping[bytes, bytes] = NO_RECORDS
    dialects: int = 0
    start: int = 0
    payload: int = 0
    end: int = 0


def read_entry(tar: Source, start: int) -> TarEntry | None:
    """The entry whose first header is at `start`; None at the end of the tar. Raises `BadBlob`."""
    position, dialects = start, USTAR | PAX | GNU
    records: dict[bytes, bytes] = {}
    long: dict[bytes, bytes] = {}
    while (block := _block(tar, position)) is not None:
        where = f"{tar.name}: byte {position} of the tar"
        header = parse_block(block, where)
        dialects &= header.dialects
        position += BLOCK
        if header.flag not in {PAX_HEADER, LONG_NAME, LONG_LINK}:
            return _finish(header._replace(start=start, payload=position, dialects=dialects), records, long, tar)
        data = _special(tar, position, header.size, where)
        if header.flag == PAX_HEADER:
            dialects &= PAX
            records = parse_records(data, where)
        else:
            dialects &= GNU
            long[header.flag] = data.partition(b"\0")[0]
        position += -(-header.size // BLOCK) * BLOCK
    if position != start:
        raise BadBlob(f"{tar.name}: tar ends after an extended header without its file; fetch the layer again")
    return None


def parse_block(block: bytes, where: str) -> TarEntry:
    """What one 512-byte header says by itself. Raises `BadBlob`."""
    name, mode, uid, gid, size, mtime, check, flag, link, magic, version, *rest = HEADER.unpack(block)
    stored, unsigned = _octal(check, where), sum(block) - sum(check) + 8 * 0x20
    if stored != unsigned and stored != unsigned - 256 * sum(byte >> 7 for byte in block[:148] + block[156:]):
        raise BadBlob(f"{where}: no tar header here (checksum {stored}, computed {unsigned}); fetch the layer again")
    uname, gname, major, minor, prefix = rest
    entry = TarEntry(
        flag=flag,
        name=_text(name),
        link=_text(link),
        size=_number(size, where),
        mode=_number(mode, where),
        uid=_number(uid, where),
        gid=_number(gid, where),
        mtime_ns=_number(mtime, where) * SECOND_NS,
    )
    if magic[:5] != b"ustar":
        return entry
    entry = entry._replace(
        uname=_text(uname), gname=_text(gname), major=_number(major, where), minor=_number(minor, where)
    )
    if magic == b"ustar\0":
        if block[508:] == b"tar\0":
            return _joined(entry, _text(prefix[:131]))
        exact = block.isascii() and not any(field[-1] for field in (mode, uid, gid, size, mtime, major, minor))
        return _joined(entry, _text(prefix), USTAR | PAX if exact else 0)
    return _gnu(entry, prefix) if magic + version == b"ustar  \0" else entry._replace(**_V7)


_V7 = {"uname": b"", "gname": b"", "major": 0, "minor": 0}  # fields that a header without magic has not


def _joined(entry: TarEntry, prefix: bytes, dialects: int = 0) -> TarEntry:
    return entry._replace(name=prefix + b"/" + entry.name if prefix else entry.name, dialects=dialects)


def _gnu(entry: TarEntry, prefix: bytes) -> TarEntry:
    """GNU keeps two times where ustar has the prefix; an old Go wrote a prefix there all the same."""
    try:
        times = [_number(field, "") * SECOND_NS if field[0] else None for field in (prefix[:12], prefix[12:24])]
    except BadBlob:
        text = _text(prefix)
        return _joined(entry, text if text.isascii() else b"")
    return entry._replace(atime_ns=times[0], ctime_ns=times[1], dialects=GNU)


def parse_records(data: bytes, where: str) -> dict[bytes, bytes]:
    """Records of a PAX header: length, space, key, "=", value, newline; the last of a key counts. Raises `BadBlob`."""
    records: dict[bytes, bytes] = {}
    position = 0
    while position < len(data):
        space = data.find(b" ", position, position + 20)
        digits = data[position:space] if space > 0 else b""
        end = position + int(digits) if digits.isdigit() else 0
        key, equals, value = data[space + 1 : max(end - 1, 0)].partition(b"=")
        whole = space < end <= len(data) and equals and data[end - 1 : end] == b"\n"
        if not whole or not key or b"\0" in (value if key in NO_NUL else key):
            raise BadBlob(f"{where}: PAX record at byte {position} is malformed; rebuild the layer")
        records[key] = value
        position = end
    return records


def _finish(entry: TarEntry, records: dict[bytes, bytes], long: dict[bytes, bytes], tar: Source) -> TarEntry:
    """Lay extended headers over the header itself."""
    where = f"{tar.name}: byte {entry.start} of the tar"
    if records:
        entry = _overlaid(entry, records, where)
    name = long.get(LONG_NAME) or entry.name
    flag = (DIR if name.endswith(b"/") else REG) if entry.flag == b"\0" else entry.flag
    if flag not in KINDS or any(key.startswith(SPARSE) for key in records):
        what = "a sparse file" if flag in KINDS else REFUSED.get(flag, f"of type {flag!r}")
        raise BadBlob(f"{where}: tar entry {name[:80]!r} is {what}, which eStargz cannot hold; rebuild the layer")
    size = entry.size if flag == REG else 0  # a size that nothing follows
    if not 0 <= size <= MAX_SIZE or entry.payload + size > tar.size:
        raise BadBlob(f"{where}: file {name[:80]!r} of {size} bytes goes beyond the end of the tar; fetch it again")
    end = entry.payload + -(-size // BLOCK) * BLOCK
    return entry._replace(name=name, link=long.get(LONG_LINK) or entry.link, flag=flag, size=size, end=end)


def _overlaid(entry: TarEntry, records: dict[bytes, bytes], where: str) -> TarEntry:
    """The entry with the fields that its PAX records set; an empty record sets none."""
    fields: dict[str, bytes | int] = {}
    for key, value in records.items():
        if not value:
            continue
        match key:
            case b"path" | b"linkpath" | b"uname" | b"gname":
                fields[_FIELDS[key]] = value
            case b"uid" | b"gid" | b"size":
                fields[_FIELDS[key]] = _decimal(value, where)
            case b"mtime" | b"atime" | b"ctime":
                fields[_FIELDS[key]] = parse_pax_time(value, where)
    return entry._replace(records=records, **fields)  # type: ignore[arg-type]


_FIELDS = {
    **{b"path": "name", b"linkpath": "link", b"uname": "uname", b"gname": "gname"},
    **{b"uid": "uid", b"gid": "gid", b"size": "size"},
    **{b"mtime": "mtime_ns", b"atime": "atime_ns", b"ctime": "ctime_ns"},
}


def _block(tar: Source, position: int) -> bytes | None:
    """The header block at a place; None where the tar ends: at its last byte, or at two zero blocks."""
    left = tar.size - position
    if left <= 0:
        return None
    block = tar.read_at(position, min(BLOCK, left))
    if block == ZERO_BLOCK:
        after = tar.read_at(position + BLOCK, min(BLOCK, left - BLOCK))
        if after in {b"", ZERO_BLOCK}:
            return None
        raise BadBlob(f"{tar.name}: byte {position} of the tar: a single zero block among files; rebuild the layer")
    if len(block) < BLOCK:
        raise BadBlob(f"{tar.name}: tar is cut at byte {tar.size}, inside a header; fetch the layer again")
    return block


def _special(tar: Source, position: int, size: int, where: str) -> bytes:
    if not 0 <= size <= MAX_SPECIAL_BYTES:
        raise BadBlob(f"{where}: extended header of {size} bytes, at most {MAX_SPECIAL_BYTES}; rebuild the layer")
    return tar.read_at(position, size)


def _text(field: bytes) -> bytes:
    return field.partition(b"\0")[0]


def _octal(field: bytes, where: str) -> int:
    text = field.strip(b" \0").partition(b"\0")[0]
    if text.strip(b"01234567"):
        raise BadBlob(f"{where}: tar header holds {field!r} where an octal number belongs; fetch the layer again")
    return int(text, 8) if text else 0


def _number(field: bytes, where: str) -> int:
    """Octal text, or base 256 in two's complement when the first bit is set (GNU)."""
    if not field[0] & 0x80:
        return _octal(field, where)
    if field[0] & 0x40:  # the first bit is a mark, the second the sign
        value = int.from_bytes(field, "big", signed=True)
    else:
        value = int.from_bytes(bytes([field[0] & 0x7F]) + field[1:], "big")
    if abs(value) > MAX_TIME_S:
        raise BadBlob(f"{where}: tar header holds a number of {value.bit_length()} bits; rebuild the layer")
    return value


def _decimal(value: bytes, where: str) -> int:
    digits = value[1:] if value[:1] in {b"-", b"+"} else value
    if not digits.isdigit() or len(digits) > 18:
        raise BadBlob(f"{where}: PAX number {value[:30]!r} is none; rebuild the layer")
    return int(value)

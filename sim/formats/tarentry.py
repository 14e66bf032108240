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
from sim.formats.tarwrite_records import parse_decimal, parse_records
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
EXTENDED = frozenset({LONG_NAME, LONG_LINK, PAX_HEADER})  # headers of headers
REFUSED = {PAX_GLOBAL: "a global PAX header (of a git archive?)", b"7": "a contiguous file", b"S": "a sparse file"}
NO_RECORDS: Mapping[bytes, bytes] = MappingProxyType({})
SPARSE = b"GNU.sparse."
NO_TIMES: tuple[int | None, int | None] = (None, None)
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
    records = NO_RECORDS
    long: dict[bytes, bytes] = {}
    while (block := _block(tar, position)) is not None:
        where = f"{tar.name}: byte {position} of the tar"
        header = parse_block(block, where)
        dialects &= header.dialects
        position += BLOCK
        if header.flag not in EXTENDED:
            if records or long:
                header = _overlaid(header._replace(dialects=dialects), records, long, where)
            return _placed(header, start, position, tar)
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
    name, mode, uid, gid, size, mtime, check, flag, link, magic, version, uname, gname, major, minor, prefix = (
        HEADER.unpack(block)
    )
    stored, unsigned = _octal(check, where), sum(block) - sum(check) + 8 * 0x20
    if stored != unsigned and stored != unsigned - 256 * sum(byte >> 7 for byte in block[:148] + block[156:]):
        raise BadBlob(f"{where}: no tar header here (checksum {stored}, computed {unsigned}); fetch the layer again")
    dialects, before, times = 0, b"", NO_TIMES
    if magic == b"ustar\0":
        star = block[508:] == b"tar\0"
        before = _text(prefix[:131] if star else prefix)
        ends = mode[-1] | uid[-1] | gid[-1] | size[-1] | mtime[-1] | major[-1] | minor[-1]
        dialects = USTAR | PAX if block.isascii() and not ends and not star else 0
    elif magic + version == b"ustar  \0":
        dialects, before, times = _gnu(prefix)
    else:
        uname = gname = major = minor = b"\0"  # a header without magic has no such fields
    return TarEntry(
        flag,
        before + b"/" + _text(name) if before else _text(name),
        _text(link),
        _number(size, where),
        _number(mode, where),
        _number(uid, where),
        _number(gid, where),
        _text(uname),
        _text(gname),
        _number(mtime, where) * SECOND_NS,
        *times,
        _number(major, where),
        _number(minor, where),
        dialects=dialects,
    )


def _gnu(prefix: bytes) -> tuple[int, bytes, tuple[int | None, int | None]]:
    """Dialect, prefix and times: GNU keeps times where ustar has the prefix; an old Go wrote one there all the same."""
    try:
        atime, ctime = (_number(field, "") * SECOND_NS if field[0] else None for field in (prefix[:12], prefix[12:24]))
    except BadBlob:
        text = _text(prefix)
        return 0, text if text.isascii() else b"", NO_TIMES
    return GNU, b"", (atime, ctime)


def _placed(entry: TarEntry, start: int, payload: int, tar: Source) -> TarEntry:
    """The entry at its place, when it is one that can be kept there."""
    flag, name = entry.flag, entry.name
    if flag == b"\0":  # of before ustar
        flag = DIR if name.endswith(b"/") else REG
    sparse = any(key.startswith(SPARSE) for key in entry.records) if entry.records else False
    if flag not in KINDS or sparse:
        what = "a sparse file" if sparse else REFUSED.get(flag, f"of type {flag!r}")
        raise BadBlob(
            f"{tar.name}: byte {start} of the tar: entry {name[:80]!r} is {what}, which eStargz cannot hold;"
            " rebuild the layer"
        )
    size = entry.size if flag == REG else 0  # a size that nothing follows
    end = payload + -(-size // BLOCK) * BLOCK
    if not 0 <= size <= MAX_SIZE or payload + size > tar.size:
        raise BadBlob(
            f"{tar.name}: byte {start} of the tar: file {name[:80]!r} of {size} bytes goes beyond the end of the tar;"
            " fetch it again"
        )
    return entry._replace(flag=flag, size=size, start=start, payload=payload, end=end)


def _overlaid(entry: TarEntry, records: Mapping[bytes, bytes], long: Mapping[bytes, bytes], where: str) -> TarEntry:
    """The entry with the fields that extended headers set; an empty record sets none, a GNU name counts more."""
    fields: dict[str, bytes | int] = {}
    for key, value in records.items():
        if not value:
            continue
        match key:
            case b"path" | b"linkpath" | b"uname" | b"gname":
                fields[_FIELDS[key]] = value
            case b"uid" | b"gid" | b"size":
                fields[_FIELDS[key]] = parse_decimal(value, where)
            case b"mtime" | b"atime" | b"ctime":
                fields[_FIELDS[key]] = parse_pax_time(value, where)
    fields |= {_FIELDS[flag]: text for flag, text in long.items() if text}
    return entry._replace(records=records, **fields)  # type: ignore[arg-type]


_FIELDS = {
    **{LONG_NAME: "name", LONG_LINK: "link"},
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
    text = field.strip(b" \0")
    if text.strip(b"01234567") and (text := text.partition(b"\0")[0]).strip(b"01234567"):
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

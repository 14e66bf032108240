"""Tar headers as Go's archive/tar writes them: ustar where it can say everything, else PAX, else GNU.

The reference converter writes each header twice, with what it read back in between; `normalise` ends where that does.
Source: Go src/archive/tar, writer.go, strconv.go.
"""

import posixpath
from dataclasses import dataclass

from sim.core.errors import BadBlob
from sim.formats.tarentry import (
    DIR,
    GNU,
    HEADER,
    LINK,
    LONG_LINK,
    LONG_NAME,
    MAX_SPECIAL_BYTES,
    PAX,
    PAX_HEADER,
    SYMLINK,
    USTAR,
    TarEntry,
    read_entry,
)
from sim.formats.tarheader import BLOCK
from sim.formats.tarwrite_dialect import NAME_BYTES, OWNER_BYTES, allowed_dialects, fits_octal, split_name
from sim.formats.tarwrite_records import format_record
from sim.formats.tarwrite_time import NO_TIME_NS, SECOND_NS, round_to_second

USTAR_MAGIC, GNU_MAGIC = (b"ustar\0", b"00"), (b"ustar ", b" \0")
NOT_ASCII = bytes(range(128, 256))


def normalise(entry: TarEntry, where: str) -> tuple[TarEntry, bytes]:
    """What the reference converter makes of an entry, and its header blocks. Raises `BadBlob`."""
    header = encode_header(entry, where)
    if len(header) > BLOCK or entry.records or not entry.dialects & USTAR:  # a plain ustar header reads back the same
        entry = _read_back(entry, header, where)
        header = encode_header(entry, where)
        entry = _read_back(entry, header, where)
    return entry, header


def _read_back(entry: TarEntry, header: bytes, where: str) -> TarEntry:
    """The entry as its written header says it, at its old place."""
    read = read_entry(_Unfollowed(header, where), 0)
    if read is None:
        raise BadBlob(f"{where}: tar entry {entry.name[:80]!r} has an empty header; rebuild the layer")
    return read._replace(start=entry.start, payload=entry.payload, end=entry.end)


@dataclass(frozen=True, slots=True)
class _Unfollowed:
    """Header blocks of a tar whose payload is not there, but may be of any size."""

    data: bytes
    name: str
    size: int = 1 << 62

    def read_at(self, offset: int, length: int) -> bytes:
        return self.data[offset : offset + length]


def encode_header(entry: TarEntry, where: str) -> bytes:
    """All header blocks of an entry. Raises `BadBlob` when no dialect can say it."""
    if not entry.dialects:  # of no known dialect: whole seconds, and one time only
        entry = entry._replace(mtime_ns=round_to_second(entry.mtime_ns), atime_ns=None, ctime_ns=None)
    allowed, records = allowed_dialects(entry)
    if entry.flag not in {LINK, SYMLINK, DIR} and entry.name.endswith(b"/"):
        allowed = 0  # many readers would take it for a folder
    if allowed & USTAR:
        prefix, name = split_name(entry.name) or (b"", entry.name)
        return _header(entry._replace(name=name), prefix=prefix)
    if allowed & PAX:
        return _pax_header(entry, records, where)
    if allowed & GNU:
        return _gnu_header(entry)
    raise BadBlob(f"{where}: no dialect of tar can hold the header of entry {entry.name[:80]!r}; rebuild the layer")


def _octal(number: int, width: int) -> bytes:
    """Octal digits and a NUL; zero where the field is too short, as another record says the number then."""
    return b"%0*o\0" % (width - 1, number if fits_octal(number, width) else 0)


def _numeric(number: int, width: int) -> bytes:
    """Octal digits, or base 256 as GNU tar writes it."""
    if fits_octal(number, width):
        return _octal(number, width)
    data = bytearray(number.to_bytes(width, "big", signed=True))
    data[0] |= 0x80
    return bytes(data)


def _fit(text: bytes, room: int) -> bytes:
    """The text cut to its field; a cut right after a slash drops the slash too, lest it looks like a folder."""
    cut = text[:room]
    if len(text) <= room or not cut.endswith(b"/"):
        return cut
    end = len(cut.rstrip(b"/"))
    return cut[:end] + b"\0" + cut[end + 1 :]


def _header(entry: TarEntry, *, prefix: bytes = b"", gnu: bool = False) -> bytes:
    """The header block proper."""
    number = _numeric if gnu else _octal
    seconds = 0 if entry.mtime_ns == NO_TIME_NS else entry.mtime_ns // SECOND_NS
    return _sealed(
        (_fit(entry.name, NAME_BYTES), number(entry.mode, 8), number(entry.uid, 8), number(entry.gid, 8)),
        (number(entry.size, 12), number(seconds, 12)),
        (entry.flag, _fit(entry.link, NAME_BYTES), *(GNU_MAGIC if gnu else USTAR_MAGIC)),
        (_fit(entry.uname, OWNER_BYTES), _fit(entry.gname, OWNER_BYTES)),
        (number(entry.major, 8), number(entry.minor, 8), prefix),
    )


def _sealed(*groups: tuple[bytes, ...]) -> bytes:
    """A block with its checksum put in; groups of fields in order, without it."""
    fields = [field for group in groups for field in group]
    block = HEADER.pack(*fields[:6], b"", *fields[6:])
    return block[:148] + b"%06o\0 " % (sum(block) + 8 * 0x20) + block[156:]


def _pax_header(entry: TarEntry, records: dict[bytes, bytes], where: str) -> bytes:
    ascii_only = entry._replace(
        name=entry.name.translate(None, NOT_ASCII),
        link=entry.link.translate(None, NOT_ASCII),
        uname=entry.uname.translate(None, NOT_ASCII),
        gname=entry.gname.translate(None, NOT_ASCII),
    )
    main = _header(ascii_only)
    if not records:
        return main
    data = b"".join(format_record(key, records[key]) for key in sorted(records))
    if len(data) > MAX_SPECIAL_BYTES:
        raise BadBlob(f"{where}: PAX header of {len(data)} bytes, at most {MAX_SPECIAL_BYTES}; rebuild the layer")
    folder, _, base = entry.name.rpartition(b"/")
    joined = b"/".join(part for part in (folder + b"/" if b"/" in entry.name else b"", b"PaxHeaders.0", base) if part)
    name = posixpath.normpath(joined)
    return _special(b"/" + name.lstrip(b"/") if name.startswith(b"/") else name, data, PAX_HEADER, USTAR_MAGIC) + main


def _gnu_header(entry: TarEntry) -> bytes:
    long = b""
    for flag, text in ((LONG_NAME, entry.name), (LONG_LINK, entry.link)):
        if len(text) > NAME_BYTES:
            long += _special(b"././@LongLink", text + b"\0", flag, GNU_MAGIC)
    times = b"".join(
        bytes(12) if time_ns is None or time_ns == NO_TIME_NS else _numeric(time_ns // SECOND_NS, 12)
        for time_ns in (entry.atime_ns, entry.ctime_ns)
    )
    return long + _header(entry, prefix=times, gnu=True)


def _special(name: bytes, data: bytes, flag: bytes, magic: tuple[bytes, bytes]) -> bytes:
    """Header and payload of an entry that describes the next one."""
    short = name.translate(None, NOT_ASCII)[:NAME_BYTES].rstrip(b"/")
    number = _octal(0, 8)
    block = _sealed(
        (short, number, number, number),
        (_octal(len(data), 12), _octal(0, 12)),
        (flag, b"", *magic),
        (b"", b""),
        (b"", b"", b""),
    )
    return block + data + bytes(-len(data) % BLOCK)

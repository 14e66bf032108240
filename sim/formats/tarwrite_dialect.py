"""Which dialects of tar can say an entry, and what PAX has to say beside the header.

Source: Go src/archive/tar, common.go `allowedFormats`, writer.go `splitUSTARPath`, strconv.go.
"""

from sim.formats.tarentry import GNU, PAX, SPARSE, USTAR, TarEntry
from sim.formats.tarwrite_time import NO_TIME_NS, SECOND_NS, format_pax_time

NAME_BYTES, OWNER_BYTES, PREFIX_BYTES = 100, 32, 155  # fields of a header
BASIC = frozenset({b"path", b"linkpath", b"size", b"uid", b"gid", b"uname", b"gname", b"mtime", b"atime", b"ctime"})


def split_name(name: bytes) -> tuple[bytes, bytes] | None:
    """Prefix and name of a long path in ustar; None where it fits the name alone or cannot be cut."""
    if len(name) <= NAME_BYTES or not name.isascii():
        return None
    length = min(len(name), PREFIX_BYTES + 1)
    if length == len(name) and name.endswith(b"/"):
        length -= 1
    cut = name.rfind(b"/", 0, length)
    rest = len(name) - cut - 1
    if cut <= 0 or rest > NAME_BYTES or rest == 0 or cut > PREFIX_BYTES:
        return None
    return name[:cut], name[cut + 1 :]


def allowed_dialects(entry: TarEntry) -> tuple[int, dict[bytes, bytes]]:
    """Dialects that can say the entry, as bits, and the PAX records it needs."""
    allowed, records, own = USTAR | PAX | GNU, {}, entry.records
    for key, text, room in (
        (b"path", entry.name, NAME_BYTES),
        (b"linkpath", entry.link, NAME_BYTES),
        (b"uname", entry.uname, OWNER_BYTES),
        (b"gname", entry.gname, OWNER_BYTES),
    ):
        if len(text) > room or not text.isascii():
            allowed &= ~GNU if len(text) > room == OWNER_BYTES else ~0
            allowed &= ~0 if key == b"path" and split_name(text) else ~USTAR
            records[key] = text
        elif own and own.get(key) == text:
            records[key] = text
    allowed &= _allow_numbers(entry, records)
    allowed &= _allow_times(entry, records)
    if own:
        extra = {key: own[key] for key in own if key not in BASIC and not key.startswith(SPARSE)}
        records, allowed = extra | records, allowed & PAX
    return allowed, records


def _allow_numbers(entry: TarEntry, records: dict[bytes, bytes]) -> int:
    allowed = USTAR | PAX | GNU
    for key, number, width in (
        (b"", entry.mode, 8),
        (b"uid", entry.uid, 8),
        (b"gid", entry.gid, 8),
        (b"size", entry.size, 12),
        (b"", entry.major, 8),
        (b"", entry.minor, 8),
    ):
        if not fits_octal(number, width):
            allowed &= ~USTAR if key else GNU
            allowed &= ~0 if _fits_base256(number, width) else ~GNU
            if key:
                records[key] = b"%d" % number
        elif key in entry.records and entry.records[key] == b"%d" % number:
            records[key] = entry.records[key]
    return allowed


def _allow_times(entry: TarEntry, records: dict[bytes, bytes]) -> int:
    """Dialects for the times, among those the entry was read in; ustar would cut a second's fraction off."""
    allowed, prefers_pax = USTAR | PAX | GNU, False
    for key, time_ns in ((b"mtime", entry.mtime_ns), (b"atime", entry.atime_ns), (b"ctime", entry.ctime_ns)):
        if time_ns is None or time_ns == NO_TIME_NS:
            continue
        fits = fits_octal(time_ns // SECOND_NS, 12)
        allowed &= ~0 if key == b"mtime" and fits else ~USTAR
        if key != b"mtime" or not fits or time_ns % SECOND_NS:
            prefers_pax = True
            records[key] = format_pax_time(time_ns)
        elif entry.records.get(key) == format_pax_time(time_ns):
            records[key] = entry.records[key]
    wanted = entry.dialects
    if wanted & PAX and not prefers_pax:
        wanted |= USTAR
    return allowed & wanted if wanted else allowed


def fits_octal(number: int, width: int) -> bool:
    """Whether a field of `width` bytes holds the number in octal."""
    return 0 <= number < 1 << 3 * (width - 1)


def _fits_base256(number: int, width: int) -> bool:
    return width >= 9 or -(1 << 8 * (width - 1)) <= number < 1 << 8 * (width - 1)

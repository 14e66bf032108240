"""Times of tar entries in nanoseconds since 1970, as PAX and a TOC write them. Source: Go's archive/tar, time."""

import re
import time

from sim.core.errors import BadBlob

SECOND_NS = 1_000_000_000
NO_TIME_NS = -62_135_596_800 * SECOND_NS  # start of the year 1, which Go takes for "no time"
MAX_TIME_S = 1 << 53  # beyond it no calendar of this machine reaches either

_PAX_TIME = re.compile(rb"([+-]?[0-9]{1,19})(?:\.([0-9]*))?")


def parse_pax_time(value: bytes, where: str) -> int:
    """Nanoseconds of a decimal number of seconds; digits beyond nine are dropped. Raises `BadBlob`."""
    match = _PAX_TIME.fullmatch(value)
    seconds = int(match[1]) if match else MAX_TIME_S + 1
    if match is None or abs(seconds) > MAX_TIME_S:
        raise BadBlob(f"{where}: PAX time {value[:40]!r} is no time; rebuild the layer")
    part = int((match[2] or b"")[:9].ljust(9, b"0"))
    return seconds * SECOND_NS - part if match[1].startswith(b"-") else seconds * SECOND_NS + part


def format_pax_time(time_ns: int) -> bytes:
    """Seconds as a decimal number without needless zeros."""
    seconds, part = divmod(time_ns, SECOND_NS)
    if part == 0:
        return b"%d" % seconds
    if seconds < 0:
        return (b"-%d.%09d" % (-(seconds + 1), SECOND_NS - part)).rstrip(b"0")
    return (b"%d.%09d" % (seconds, part)).rstrip(b"0")


def round_to_second(time_ns: int) -> int:
    """Nanoseconds of the nearest whole second, halves up."""
    return (time_ns + SECOND_NS // 2) // SECOND_NS * SECOND_NS


def toc_time(time_ns: int) -> str:
    """RFC 3339 in UTC of the nearest second; "" within the first second of 1970, where the TOC has no time."""
    if time_ns == NO_TIME_NS or 0 <= time_ns < SECOND_NS:
        return ""
    t = time.gmtime(round_to_second(time_ns) // SECOND_NS)
    year = f"{t.tm_year:04d}" if t.tm_year >= 0 else f"-{-t.tm_year:04d}"
    return f"{year}-{t.tm_mon:02d}-{t.tm_mday:02d}T{t.tm_hour:02d}:{t.tm_min:02d}:{t.tm_sec:02d}Z"

"""Quantities as people write them ("100 Mbit/s", "50kB", "20ms") to bytes, bytes per second and seconds, and back."""

import re

from sim.core.errors import BadInput

BYTES_PER_UNIT = {
    "B": 1,
    "kB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
    "TiB": 2**40,
}
BITS_S_PER_UNIT = {"bit/s": 1, "kbit/s": 10**3, "Mbit/s": 10**6, "Gbit/s": 10**9}
SECONDS_PER_UNIT = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0}
NS_PER_S = 1_000_000_000

_QUANTITY = re.compile(r"^\s*([0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)\s*([^\s0-9].*?)?\s*$")


def parse_size(text: str | int) -> int:
    """Bytes from "50kB", "4 MiB" or a plain number of bytes. Raises `BadInput`."""
    if isinstance(text, int):
        return text
    number, unit = _split(text, "size", "50kB or 4MiB")
    if unit not in BYTES_PER_UNIT:
        raise BadInput(f"size {text!r}: unit {unit!r} is unknown; use one of {', '.join(BYTES_PER_UNIT)}")
    return round(number * BYTES_PER_UNIT[unit])


def parse_rate(text: str | float) -> float:
    """Bytes per second from "100 Mbit/s", "12.5 MB/s", "unlimited" or a number of bytes per second."""
    if isinstance(text, int | float):
        return float(text)
    if text.strip() == "unlimited":
        return float("inf")
    number, unit = _split(text, "rate", "100 Mbit/s or 12.5 MB/s")
    if unit in BITS_S_PER_UNIT:
        return number * BITS_S_PER_UNIT[unit] / 8
    if unit.endswith("/s") and unit[:-2] in BYTES_PER_UNIT:
        return number * BYTES_PER_UNIT[unit[:-2]]
    known = ", ".join([*BITS_S_PER_UNIT, "kB/s", "MB/s", "MiB/s"])
    raise BadInput(f"rate {text!r}: unit {unit!r} is unknown; use one of {known}")


def parse_duration(text: str | float) -> float:
    """Seconds from "20ms", "10 s" or a number of seconds."""
    if isinstance(text, int | float):
        return float(text)
    number, unit = _split(text, "duration", "20ms or 10s")
    if unit not in SECONDS_PER_UNIT:
        raise BadInput(f"duration {text!r}: unit {unit!r} is unknown; use one of {', '.join(SECONDS_PER_UNIT)}")
    return number * SECONDS_PER_UNIT[unit]


def format_size(size: float) -> str:
    """Decimal bytes with three significant digits: 145_000_000 → "145 MB"."""
    value = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if abs(value) < 999.5:
            return f"{value:.3g} {unit}"
        value /= 1000
    return f"{value:.3g} TB"


def format_rate(rate_bytes_s: float) -> str:
    """Bits per second as network people write them: 12.5e6 bytes/s → "100 Mbit/s"."""
    if rate_bytes_s == float("inf"):
        return "unlimited"
    value = rate_bytes_s * 8
    for unit in ("bit/s", "kbit/s", "Mbit/s"):
        if value < 999.5:
            return f"{value:.3g} {unit}"
        value /= 1000
    return f"{value:.3g} Gbit/s"


def format_duration(seconds: float) -> str:
    """Seconds with a fitting unit: 0.02 → "20 ms"."""
    if seconds == 0:
        return "0 s"
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= 0.9995 * scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"


def _split(text: str, what: str, example: str) -> tuple[float, str]:
    match = _QUANTITY.match(text)
    if match is None:
        raise BadInput(f"{what} {text!r} is not a number with a unit; write it like {example}")
    return float(match[1]), match[2] or ""

"""Quantities of an experiment file: checked when it is read, kept as they were written."""

import math
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import BeforeValidator

from sim.core.blocks import BLOCK_BYTES, MAX_CHUNK_BYTES
from sim.core.errors import BadInput
from sim.core.units import parse_duration, parse_rate, parse_size


def _positive(parse: Callable[[Any], float], what: str, example: str) -> Callable[[Any], Any]:
    return _checked(parse, lambda value: value > 0, f"{what} must be more than zero, like {example}")


def _not_negative(parse: Callable[[Any], float], what: str, example: str) -> Callable[[Any], Any]:
    return _checked(
        parse, lambda value: 0 <= value < float("inf"), f"{what} must be finite and not negative, like {example}"
    )


def _checked(parse: Callable[[Any], float], holds: Callable[[float], bool], mend: str) -> Callable[[Any], Any]:
    """Make a validator that passes the value on as written; messages become `ValueError`s for pydantic."""

    def check(value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise ValueError(f"is {value!r}; {mend}")
        if isinstance(value, str) and value.strip().startswith("-"):
            raise ValueError(f"is {value!r}; {mend}")
        try:
            number = parse(value)
        except BadInput as error:
            raise ValueError(f": {error}") from None
        if not holds(number):
            raise ValueError(f"is {value!r}; {mend}")
        return value

    return check


def size_bytes(size: str | float) -> int:
    """Bytes of a size as written. Raises `BadInput`."""
    if isinstance(size, float):
        return round(size) if math.isfinite(size) else -1  # refused as any negative size
    return parse_size(size)


Rate = Annotated[str | int | float, BeforeValidator(_positive(parse_rate, "a rate", "100 Mbit/s"))]
Duration = Annotated[str | int | float, BeforeValidator(_not_negative(parse_duration, "a duration", "20ms"))]
Size = Annotated[str | int | float, BeforeValidator(_not_negative(size_bytes, "a size", "1GB"))]
ChunkSize = Annotated[
    str | int | float,
    BeforeValidator(
        _checked(
            size_bytes,
            lambda value: BLOCK_BYTES <= value <= MAX_CHUNK_BYTES,
            "a chunk size must be between 64 KiB and 16 MiB, like 1 MiB",
        )
    ),
]
PositiveSize = Annotated[str | int | float, BeforeValidator(_positive(size_bytes, "a size", "50kB"))]


def requests_per_s(value: Any) -> float:
    """Turn requests a second as written into a number; not a number where it is none."""
    return float("inf") if value == "unlimited" else float(value) if isinstance(value, int | float) else float("nan")


PerSecond = Annotated[
    str | int | float, BeforeValidator(_positive(requests_per_s, "requests per second", "500 or unlimited"))
]

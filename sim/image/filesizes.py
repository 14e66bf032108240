"""How large the files of a made-up image are: a distribution, and sizes drawn from it that add up to a total."""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from statistics import NormalDist

from sim.core.errors import BadInput
from sim.core.units import format_size, parse_size

MAX_FILES = 5_000_000  # sizes are kept in memory, some 40 bytes each
MAX_SIGMA = 5.0  # beyond it a single file holds nearly everything
FORMS = "lognormal:MEDIAN:SIGMA or fixed:SIZE, for example lognormal:8kB:2"
_NORMAL = NormalDist()
_SMALLEST = 2.0**-53  # random() can give 0, which has no quantile


@dataclass(frozen=True, slots=True)
class FileSizes:
    """Log-normal sizes in bytes: half the files are smaller than the median; with sigma 0 all are as large."""

    median_bytes: float
    sigma: float

    @property
    def mean_bytes(self) -> float:
        """Mean of the distribution: median · exp(sigma² / 2)."""
        return self.median_bytes * math.exp(self.sigma**2 / 2)


def parse_file_sizes(text: str) -> FileSizes:
    """Read `lognormal:MEDIAN:SIGMA` or `fixed:SIZE`. Raises `BadInput`."""
    match text.split(":"):
        case ["fixed", size]:
            sizes = FileSizes(bytes_of(size), 0.0)
        case ["lognormal", median, sigma]:
            sizes = FileSizes(bytes_of(median), _sigma(sigma))
        case _:
            raise BadInput(f"file sizes {text!r} are not known; write {FORMS}")
    if sizes.median_bytes < 1:
        raise BadInput(f"file sizes {text!r}: files of 0 bytes never add up; write 1 byte or more")
    return sizes


def bytes_of(text: str) -> int:
    """Bytes from "50kB", "4MiB" or "4096". Raises `BadInput`."""
    return int(text) if text.isascii() and text.isdecimal() else parse_size(text)


def draw_sizes(total_bytes: int, sizes: FileSizes, draw: random.Random, *, files: int | None = None) -> list[int]:
    """Sizes in bytes that add up to `total_bytes` exactly.

    files: how many; they are drawn, then scaled to the total, so that only the shape of the distribution counts.
    None: as many as it takes; the last is cut to fit. Raises `BadInput` for more than `MAX_FILES`.
    """
    if files is None:
        return _fill(total_bytes, sizes, draw)
    if not 0 < files <= MAX_FILES:
        raise BadInput(f"{files} files: between 1 and {MAX_FILES} can be made")
    return _scaled(list(islice(_drawn(sizes, draw), files)), total_bytes)


def _fill(total_bytes: int, sizes: FileSizes, draw: random.Random) -> list[int]:
    expected = total_bytes / sizes.mean_bytes
    if expected > MAX_FILES:
        raise BadInput(
            f"{format_size(total_bytes)} in files of {format_size(sizes.mean_bytes)} are {expected:.3g} files,"
            f" more than {MAX_FILES}; choose larger files"
        )
    found: list[int] = []
    left = total_bytes
    for drawn in _drawn(sizes, draw):
        if left == 0:
            break
        found.append(min(left, max(1, round(drawn))))
        left -= found[-1]
    return found


def _drawn(sizes: FileSizes, draw: random.Random) -> Iterator[float]:
    """Endless sizes. Only `random()` is used: Python keeps its sequence for a seed from version to version."""
    while True:
        quantile = _NORMAL.inv_cdf(max(_SMALLEST, draw.random()))
        yield sizes.median_bytes * math.exp(sizes.sigma * quantile)


def _scaled(drawn: list[float], total_bytes: int) -> list[int]:
    """Whole numbers in proportion to `drawn`; rounding the running sum makes them add up."""
    scale = total_bytes / math.fsum(drawn)
    found: list[int] = []
    running, given = 0.0, 0
    for size in drawn:
        running += size * scale
        found.append(min(total_bytes, round(running)) - given)
        given += found[-1]
    found[-1] += total_bytes - given
    return found


def _sigma(text: str) -> float:
    try:
        sigma = float(text)
    except ValueError:
        sigma = -1.0
    if not 0 <= sigma <= MAX_SIGMA:
        raise BadInput(f"sigma {text!r} of file sizes must be a number from 0 to {MAX_SIGMA:g}; write {FORMS}")
    return sigma

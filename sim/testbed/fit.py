"""Robust statistics that turn timed repetitions into constants: pure functions, seconds in, seconds out."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np

IQR_OF_A_NORMAL = 1.349  # interquartile range ÷ standard deviation of a normal distribution


@dataclass(frozen=True, slots=True)
class Sample:
    """One timed repetition of `measure`: `bytes` and `files` worked on, `seconds` it took."""

    measure: str
    bytes: int
    files: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Cost:
    """A cost that grows with work: `fixed_s` + `per_unit_s` for each unit (a byte, mostly)."""

    fixed_s: float
    per_unit_s: float


def group(samples: Iterable[Sample], measure: str) -> dict[tuple[int, int], list[float]]:
    """The seconds of one measure by (bytes, files). Raises `KeyError` if it was never taken."""
    grouped: dict[tuple[int, int], list[float]] = {}
    for sample in samples:
        if sample.measure == measure:
            grouped.setdefault((sample.bytes, sample.files), []).append(sample.seconds)
    if not grouped:
        raise KeyError(measure)
    return grouped


class Statistic(Enum):
    """How repetitions become one time. Interruptions by other work only ever add to it."""

    QUICKEST = "minimum"  # the same long work again and again
    FIRST_QUARTILE = (
        "first quartile"  # short operations: nearer to undisturbed than the median, less luck than the minimum
    )


def typical_s(seconds: Sequence[float], statistic: Statistic = Statistic.FIRST_QUARTILE) -> float:
    """The undisturbed time of a repeated operation."""
    match statistic:
        case Statistic.QUICKEST:
            return float(np.min(seconds))
        case Statistic.FIRST_QUARTILE:
            return float(np.quantile(seconds, 0.25))


def relative_spread(groups: Mapping[tuple[int, int], Sequence[float]]) -> float:
    """Interquartile range ÷ 1.349 ÷ median of each group of repetitions; the median over the groups."""
    spreads = []
    for seconds in groups.values():
        low, middle, high = np.quantile(seconds, [0.25, 0.5, 0.75])
        spreads.append((high - low) / IQR_OF_A_NORMAL / middle if middle > 0 else 0.0)
    return float(np.median(spreads))


def fit_cost(points: Mapping[int, float]) -> Cost:
    """Least squares of seconds over units, both terms not negative, each point weighed by its own size.

    points: units → seconds. Relative weights, so that small operations count as much as large ones.
    """
    rows = [(1.0, float(units), seconds) for units, seconds in points.items()]
    fixed, per_unit = _fit(rows)
    return Cost(fixed, per_unit)


def fit_bytes_and_files(points: Mapping[tuple[int, int], float]) -> tuple[float, float]:
    """Least squares of seconds = a · bytes + b · files, relative weights, a and b not negative: (a, b)."""
    return _fit([(float(size), float(files), seconds) for (size, files), seconds in points.items()])


def _fit(rows: Sequence[tuple[float, float, float]]) -> tuple[float, float]:
    """Two non-negative coefficients of relative least squares; a negative one is set to 0 and the other refitted."""
    table = np.array([row for row in rows if row[2] > 0])
    if len(table) < 1:
        return 0.0, 0.0
    design, target = table[:, :2] / table[:, 2:], np.ones(len(table))
    solution = np.linalg.lstsq(design, target, rcond=None)[0]
    for column in (0, 1):
        if solution[column] < 0:
            other = 1 - column
            alone = float(design[:, other] @ target / (design[:, other] @ design[:, other]))
            solution = np.zeros(2)
            solution[other] = max(0.0, alone)
            break
    return float(solution[0]), float(solution[1])

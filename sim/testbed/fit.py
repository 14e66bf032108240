"""Robust statistics that turn timed repetitions into constants: pure functions, seconds in, seconds out."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np

IQR_OF_A_NORMAL = 1.349  # interquartile range ÷ standard deviation of a normal distribution

Work = tuple[int, int, int]  # bytes, files, packed


@dataclass(frozen=True, slots=True)
class Sample:
    """One timed repetition of `measure`: `bytes` and `files` worked on, `seconds` it took.

    packed: compressed bytes, where they matter.
    """

    measure: str
    bytes: int
    files: int
    seconds: float
    packed: int = 0


@dataclass(frozen=True, slots=True)
class Cost:
    """A cost that grows with work: `fixed_s` + `per_unit_s` for each unit (a byte, mostly)."""

    fixed_s: float
    per_unit_s: float


def group(samples: Iterable[Sample], measure: str) -> dict[Work, list[float]]:
    """The seconds of one measure by the work done. Raises `KeyError` if it was never taken."""
    grouped: dict[Work, list[float]] = {}
    for sample in samples:
        if sample.measure == measure:
            grouped.setdefault((sample.bytes, sample.files, sample.packed), []).append(sample.seconds)
    if not grouped:
        raise KeyError(measure)
    return grouped


class Statistic(Enum):
    """How repetitions become one time. Interruptions by other work only ever add to it."""

    QUICKEST = "minimum"  # the same long work again and again
    MEDIAN = "median"  # steps of a whole pull, where daemons and disk take turns: what it takes as a rule
    FIRST_QUARTILE = (
        "first quartile"  # short operations: nearer to undisturbed than the median, less luck than the minimum
    )


def typical_s(seconds: Sequence[float], statistic: Statistic = Statistic.FIRST_QUARTILE) -> float:
    """The time of a repeated operation."""
    match statistic:
        case Statistic.QUICKEST:
            return float(np.min(seconds))
        case Statistic.MEDIAN:
            return float(np.median(seconds))
        case Statistic.FIRST_QUARTILE:
            return float(np.quantile(seconds, 0.25))


def relative_spread(groups: Iterable[Sequence[float]]) -> float:
    """Interquartile range ÷ 1.349 ÷ median of each group of repetitions; the median over the groups."""
    spreads = []
    for seconds in groups:
        low, middle, high = np.quantile(seconds, [0.25, 0.5, 0.75])
        spreads.append((high - low) / IQR_OF_A_NORMAL / middle if middle > 0 else 0.0)
    return float(np.median(spreads))


def fit_cost(points: Mapping[int, float]) -> Cost:
    """Least squares of seconds over units, both terms not negative, each point weighed by its own size.

    points: units → seconds. Relative weights, so that small operations count as much as large ones.
    """
    fixed, per_unit = fit_terms([((1.0, float(units)), seconds) for units, seconds in points.items()])
    return Cost(fixed, per_unit)


def fit_terms(rows: Sequence[tuple[tuple[float, ...], float]]) -> list[float]:
    """Coefficients, none negative, of relative least squares: seconds = Σ coefficient · amount.

    rows: the amounts of one operation (all rows alike long) and its seconds; rows of no time are left out. While a
    coefficient comes out negative the most negative one is set to 0 and the others are fitted again.
    """
    used = [(amounts, seconds) for amounts, seconds in rows if seconds > 0]
    found = [0.0] * len(rows[0][0])
    free = list(range(len(found)))
    while used and free:
        design = np.array([[amounts[term] / seconds for term in free] for amounts, seconds in used])
        solution = np.linalg.lstsq(design, np.ones(len(used)), rcond=None)[0]
        worst = int(np.argmin(solution))
        if solution[worst] >= 0:
            for term, value in zip(free, solution, strict=True):
                found[term] = float(value)
            break
        free.pop(worst)
    return found

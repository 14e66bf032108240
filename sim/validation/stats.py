"""The few statistics a validation uses, each with its rule said."""

import math
import statistics
from collections.abc import Sequence


def median(values: Sequence[float]) -> float | None:
    """The middle value, of an even number the mean of the two; None of nothing."""
    return statistics.median(values) if values else None


def variation(values: Sequence[float]) -> float | None:
    """Coefficient of variation: sample standard deviation (n − 1) ÷ mean; None below two values or of mean 0."""
    if len(values) < 2 or statistics.fmean(values) == 0:
        return None
    return statistics.stdev(values) / statistics.fmean(values)


def quantile(values: Sequence[float], share: float) -> float | None:
    """The value at place ⌈share · (n − 1)⌉ of the sorted ones, counted from 0; None of nothing.

    This is numpy's method "higher": never interpolated, so never smaller than a value that occurred.
    """
    if not values:
        return None
    place = math.ceil(round(share * (len(values) - 1), 9))  # 0.95 · 60 must not be 57.000000000000007
    return sorted(values)[place]


def relative(simulated: float | None, measured: float | None) -> float | None:
    """Signed relative error, simulated ÷ measured − 1; None where there is nothing to divide by."""
    if simulated is None or measured is None or measured == 0:
        return None
    return simulated / measured - 1

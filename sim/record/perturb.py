"""The perturbation test: record at one read delay, predict others, run them for real, compare.

A test every change of the recorder or of the replay must pass; why: docs/model.md, "Replay".
"""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import replace

import msgspec

from sim.core.units import NS_PER_S
from sim.plan.delay import predict_ready_s
from sim.record.recording import Recording, record


class Perturbed(msgspec.Struct, frozen=True, kw_only=True):
    """One predicted delay, in seconds.

    predicted_s: median over the recordings. real_s: every real run. spread: (longest − shortest) ÷ median of them.
    error: predicted ÷ median of the real runs − 1.
    """

    read_delay_s: float
    predicted_s: float
    real_s: tuple[float, ...]
    real_median_s: float
    spread: float
    error: float


def perturb(
    recording: Recording,
    delays_s: Sequence[float],
    *,
    runs: int,
    recordings: int = 1,
    progress: Callable[[str], None] = lambda _: None,
) -> list[Perturbed]:
    """Record at `recording.read_delay_s`, predict `delays_s`, run each `runs` times.

    The rounds are interleaved, so that a drift of the machine touches recordings and real runs alike.
    progress: told what is about to run. Raises what `record` raises.
    """
    predicted: dict[float, list[float]] = {delay_s: [] for delay_s in delays_s}
    real: dict[float, list[float]] = {delay_s: [] for delay_s in delays_s}
    for number in range(max(runs, recordings)):
        if number < recordings:
            progress(f"record {number + 1} of {recordings} at {recording.read_delay_s * 1000:g} ms")
            trace = record(recording)
            for delay_s in delays_s:
                predicted[delay_s].append(predict_ready_s(trace, delay_s))
        for delay_s in delays_s if number < runs else ():
            progress(f"run {number + 1} of {runs} at {delay_s * 1000:g} ms")
            real[delay_s].append(record(replace(recording, read_delay_s=delay_s)).ready_ns / NS_PER_S)
    return [_compare(delay_s, predicted[delay_s], real[delay_s]) for delay_s in delays_s]


def _compare(delay_s: float, predicted: list[float], real: list[float]) -> Perturbed:
    median = statistics.median(real)
    guess = statistics.median(predicted)
    return Perturbed(
        read_delay_s=delay_s,
        predicted_s=guess,
        real_s=tuple(real),
        real_median_s=median,
        spread=(max(real) - min(real)) / median,
        error=guess / median - 1,
    )

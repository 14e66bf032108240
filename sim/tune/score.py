"""From starts to scores: the objective, the ranking, and which candidates nothing beats in every respect."""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sim.tune.candidate import Candidate
from sim.tune.starts import Start

EQUAL_DIGITS = 3  # objectives that agree to 0.1 % are equal: far below what the model can tell apart


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A candidate over all recordings and networks.

    relative: mean of its ready time ÷ the default's on the same recording and network: the objective.
    fetched_bytes, requests: means. factor: mean of ready time ÷ the clairvoyant's, None where that was not run.
    """

    candidate: Candidate
    relative: float
    fetched_bytes: float
    requests: float
    image_bytes: int
    factor: float | None
    starts: tuple[Start, ...]


Base = Mapping[tuple[str, str], float]  # ready seconds of the default by recording and network


def base_of(starts: Iterable[Start]) -> Base:
    """What the starts of the default candidate are to others."""
    return {(start.recording, start.network): start.total_s for start in starts}


def score(starts: Sequence[Start], base: Base) -> Score:
    """Score the starts of one candidate."""
    relative = [start.total_s / base[start.recording, start.network] for start in starts]
    factors = [start.total_s / start.bound_s for start in starts if start.bound_s]
    return Score(
        candidate=starts[0].candidate,
        relative=statistics.fmean(relative),
        fetched_bytes=statistics.fmean(start.fetched_bytes for start in starts),
        requests=statistics.fmean(start.requests for start in starts),
        image_bytes=starts[0].image_bytes,
        factor=statistics.fmean(factors) if factors else None,
        starts=tuple(starts),
    )


def ranked(scores: Iterable[Score]) -> list[Score]:
    """Best first; of equal objectives the one that fetches less, then the smaller image, then the nearer to default."""
    return sorted(scores, key=_rank)


def pareto(scores: Iterable[Score]) -> list[Score]:
    """Those that no other is as good as in ready time, fetched bytes and image size, and better in one; best first."""
    front: list[Score] = []
    for scored in sorted(scores, key=lambda one: (_aims(one), one.candidate.changed)):
        if not any(all(a <= b for a, b in zip(_aims(other), _aims(scored), strict=True)) for other in front):
            front.append(scored)
    return front


def _rank(scored: Score) -> tuple[float, float, int, int]:
    return (round(scored.relative, EQUAL_DIGITS), scored.fetched_bytes, scored.image_bytes, scored.candidate.changed)


def _aims(scored: Score) -> tuple[float, float, int]:
    return scored.relative, scored.fetched_bytes, scored.image_bytes

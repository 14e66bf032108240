"""Tuning as a whole: search on some recordings, judge what was found on others, say how far estimates are off."""

import itertools
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from sim.experiment.executors import Executor
from sim.tune.candidate import BASELINES, DEFAULT, FULL_LANDMARK, Candidate, Written
from sim.tune.evaluator import Evaluator
from sim.tune.grid import MOST_CANDIDATES, grid_search
from sim.tune.optuna_search import optuna_search
from sim.tune.recheck import WRITTEN_HERE, Recheck, against_conversion, against_references, real_scores
from sim.tune.score import Score, pareto, ranked
from sim.tune.subject import Subject

Search = Literal["grid", "optuna"]
SHOWN = 10  # candidates of the ranking that are judged and compared with the clairvoyant
FINALISTS = 3  # images of the ranking that are really written, the baselines beside them
OPTUNA_TRIALS = 200
NEAR = 0.01  # objectives this near to the best one are called as good


@dataclass(frozen=True)
class Tuning:
    """What tuning found.

    scores: every candidate that was started, best first. shown: the best of them and the baselines, with their
    distance to the clairvoyant, best first. judged: the same candidates on the recordings that the search did not
    see; empty where there are none. rechecks: estimates beside real layouts. chosen: the winner: of those that were
    really written the soonest on what was written, else the first of the ranking. search_s: seconds the search took.
    """

    subject: Subject
    search: Search
    search_s: float
    scores: tuple[Score, ...]
    shown: tuple[Score, ...]
    judged: dict[Candidate, Score]
    rechecks: tuple[Recheck, ...]
    chosen: Candidate

    @property
    def winner(self) -> Score:
        """The chosen candidate, as estimated."""
        return next(one for one in self.shown if one.candidate == self.chosen)

    @cached_property
    def front(self) -> tuple[Score, ...]:
        """Candidates that no other beats in ready time, fetched bytes and image size at once."""
        return tuple(pareto(self.scores))

    @property
    def near(self) -> int:
        """How many candidates are as good as the winner to within `NEAR`, itself left out."""
        return sum(one.relative <= self.winner.relative + NEAR for one in self.scores) - 1

    @property
    def starts(self) -> int:
        """Starts that the search simulated."""
        return sum(len(one.starts) for one in self.scores)


def tune(
    subject: Subject,
    executor: Executor,
    *,
    search: Search = "grid",
    trials: int | None = None,
    seed: int = 1,
    recheck: bool = True,
    advance: Callable[[int], Any] = lambda _count: None,
) -> Tuning:
    """Find the candidates that start the subject soonest.

    trials: at most so many candidates; None: all of the grid, or `OPTUNA_TRIALS`. seed: of Optuna's sampler.
    recheck: write the layers of the best, where the image's are at hand, and choose the soonest on those. advance:
    hears how many more candidates were started.
    """
    began_s = time.perf_counter()
    evaluator = Evaluator(subject, subject.tuned, executor, advance=advance)
    most = most_candidates(search, trials)
    if search == "optuna":
        optuna_search(evaluator, most, seed=seed)
    else:
        grid_search(evaluator, most)
    search_s = time.perf_counter() - began_s
    scores = ranked(evaluator.everything())
    finalists = _finalists(scores)
    candidates = dict.fromkeys([*(one.candidate for one in scores[:SHOWN]), *finalists, *BASELINES.values()])
    shown = ranked(Evaluator(subject, subject.tuned, executor, with_bound=True).scores(candidates))
    judged = _judged(subject, executor, candidates)
    rechecks = _rechecks(subject, shown, finalists, convert=recheck)
    chosen = _soonest(rechecks) or shown[0].candidate
    return Tuning(subject, search, search_s, tuple(scores), tuple(shown), judged, rechecks, chosen)


def most_candidates(search: Search, trials: int | None) -> int:
    """How many candidates a search may start."""
    if trials is not None:
        return trials
    return OPTUNA_TRIALS if search == "optuna" else MOST_CANDIDATES


def _judged(subject: Subject, executor: Executor, candidates: dict[Candidate, None]) -> dict[Candidate, Score]:
    if not subject.judged:
        return {}
    judge = Evaluator(subject, subject.judged, executor, with_bound=True)
    return {scored.candidate: scored for scored in judge.scores(candidates)}


def _finalists(scores: Iterable[Score]) -> list[Candidate]:
    """The best candidate of each of the first images of the ranking, and the full landmark."""
    images: dict[Written, Candidate] = {}
    for one in scores:
        images.setdefault(one.candidate.written, one.candidate)
    return [*itertools.islice(images.values(), FINALISTS), FULL_LANDMARK]


def _rechecks(
    subject: Subject, shown: Iterable[Score], finalists: Iterable[Candidate], *, convert: bool
) -> tuple[Recheck, ...]:
    """Finalists and the default written here, where that can be; the baselines as the reference wrote them."""
    estimated = {scored.candidate: scored.starts for scored in shown}
    here = dict.fromkeys([*finalists, DEFAULT]) if convert and subject.layers else {}
    written = [against_conversion(subject, candidate, estimated[candidate]) for candidate in here]
    return (*written, *against_references(subject, estimated))


def _soonest(rechecks: Iterable[Recheck]) -> Candidate | None:
    """The best of the candidates that were written here, on what was written; None where none was.

    An estimate may be off by a request, and a start that races its prefetch may be off by much more.
    """
    real = real_scores(rechecks, WRITTEN_HERE)
    return ranked(real.values())[0].candidate if real else None

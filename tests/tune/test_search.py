"""Searches on made-up objectives whose best is known, and on starts that are counted."""

import math
import sys

import pytest

from sim.core.errors import NotPossibleHere
from sim.experiment.executors import Serial
from sim.tune.candidate import BASELINES, DEFAULT, Candidate
from sim.tune.evaluator import Evaluator
from sim.tune.grid import MOST_CANDIDATES, coarse, grid_search
from sim.tune.optuna_search import optuna_search
from sim.tune.score import Score, ranked

# none of it but the order lies on the coarse grid
BEST = Candidate(
    chunk_size_bytes=1 << 19,
    min_chunk_size_bytes=1 << 16,
    share=0.875,
    order="path",
    region_size_bytes=100_000,
    wait_at_most_s=1.0,
)


def distance(candidate):
    """0 at `BEST`; every setting counts by itself."""
    return (
        abs(math.log2(candidate.chunk_size_bytes / BEST.chunk_size_bytes))
        + abs(math.log2(candidate.region_size_bytes / BEST.region_size_bytes))
        + 4 * abs(candidate.share - BEST.share)
        + (candidate.min_chunk_size_bytes != BEST.min_chunk_size_bytes)
        + (candidate.order != BEST.order)
        + (candidate.wait_at_most_s != BEST.wait_at_most_s)
    )


class MadeUp:
    """An evaluator of a function."""

    def __init__(self):
        self.asked = []

    def scores(self, candidates):
        fresh = [candidate for candidate in candidates if candidate not in self.asked]
        self.asked += fresh
        return [self._score(candidate) for candidate in candidates]

    def everything(self):
        return [self._score(candidate) for candidate in self.asked]

    def knows(self, candidate):
        return candidate.plain() in self.asked

    @staticmethod
    def _score(candidate):
        value = 1 + distance(candidate)
        return Score(
            candidate=candidate,
            relative=value,
            fetched_bytes=1,
            requests=1,
            image_bytes=1,
            factor=None,
            starts=(),
        )


def test_the_grid_goes_from_coarse_to_fine_to_the_best():
    evaluator = MadeUp()
    assert BEST not in coarse()
    grid_search(evaluator, MOST_CANDIDATES)
    assert ranked(evaluator.everything())[0].candidate == BEST
    assert len(evaluator.asked) == len(set(evaluator.asked)) <= MOST_CANDIDATES
    assert set(BASELINES.values()) <= set(evaluator.asked)


def test_a_limit_holds():
    evaluator = MadeUp()
    grid_search(evaluator, 17)
    assert len(evaluator.asked) == 17


def test_optuna_asks_the_same_with_the_same_seed_and_finds_better_than_the_default():
    runs = [MadeUp() for _ in range(3)]
    for evaluator, seed in zip(runs, (1, 1, 2), strict=True):
        optuna_search(evaluator, 60, seed=seed)
    same, again, other = (evaluator.asked for evaluator in runs)
    assert same == again != other
    assert len(same) <= 60
    assert set(BASELINES.values()) <= set(same)
    assert min(map(distance, same)) < distance(DEFAULT) / 2


def test_without_the_extra_optuna_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(NotPossibleHere, match=r"install lazypull\[tune\]"):
        optuna_search(MadeUp(), 1, seed=1)


class Counting(Serial):
    """Runs here, and notes the candidates of every batch."""

    def each(self, function, items):
        self.seen.append([candidate for batch in items for candidate in batch.candidates])
        return super().each(function, items)


def test_nothing_is_started_twice(subject):
    executor = Counting()
    object.__setattr__(executor, "seen", seen := [])
    evaluator = Evaluator(subject, subject.tuned, executor)
    other = Candidate(region_size_bytes=100_000)
    first = evaluator.scores([other, DEFAULT])
    again = evaluator.scores([Candidate(order="size"), other])  # the first of them is the default in other words
    assert [one.candidate for one in first] == [other, DEFAULT]
    assert again == [first[1], first[0]]
    assert sorted(map(len, filter(None, seen))) == [2]
    assert first[1].relative == 1.0

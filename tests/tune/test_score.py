"""Objective, ranking and Pareto front against arithmetic and an obvious oracle."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.tune.candidate import DEFAULT, Candidate
from sim.tune.score import Score, base_of, pareto, ranked, score
from sim.tune.starts import Start


def start(candidate, network, total_s, fetched=100, bound_s=None):
    return Start(
        candidate=candidate,
        recording="r",
        network=network,
        total_s=total_s,
        fetched_bytes=fetched,
        requests=7,
        image_bytes=1000,
        bound_s=bound_s,
    )


def scored(relative, fetched, image, number=0):
    candidate = Candidate(region_size_bytes=number + 1)
    return Score(
        candidate=candidate,
        relative=relative,
        fetched_bytes=fetched,
        requests=1,
        image_bytes=image,
        factor=None,
        starts=(),
    )


def test_the_objective_is_the_mean_of_ratios_not_the_ratio_of_means():
    base = base_of([start(DEFAULT, "near", 1.0), start(DEFAULT, "far", 100.0)])
    other = Candidate(share=1.0)
    found = score([start(other, "near", 0.5, 80, 0.25), start(other, "far", 100.0, 120, 50.0)], base)
    assert found.relative == pytest.approx(0.75)  # (0.5 + 1) ÷ 2; the ratio of means would be 0.995
    assert (found.fetched_bytes, found.factor) == (100, 2.0)


def test_equal_objectives_rank_by_bytes_then_size_then_nearness_to_the_default():
    best = scored(0.5, 9, 9)
    fewer, smaller = scored(0.70012, 5, 9), scored(0.70001, 6, 8)
    larger = scored(0.70002, 6, 9)
    near = replace(larger, candidate=DEFAULT)
    assert ranked([larger, smaller, near, fewer, best]) == [best, fewer, smaller, near, larger]


aims = st.tuples(*[st.integers(0, 4)] * 3)


@given(st.lists(aims, min_size=1, max_size=25))
def test_the_front_is_what_nothing_dominates(points):
    scores = [scored(*point, number) for number, point in enumerate(points)]
    front = [(one.relative, one.fetched_bytes, one.image_bytes) for one in pareto(scores)]
    beaten = {
        one
        for one in points
        for other in points
        if other != one and all(a <= b for a, b in zip(other, one, strict=True))
    }
    assert sorted(front) == sorted(set(points) - beaten)
    assert front == sorted(front)

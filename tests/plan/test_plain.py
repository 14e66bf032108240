"""What recording adds, learnt from a start without a recorder: programs small enough to count by hand."""

from dataclasses import replace

import numpy as np
import pytest

from sim.core.program import ROOT, HitCounts
from sim.plan.plain import way_s, without_recorder
from tests.model.conftest import make_program


def program(gaps, hits):
    """A serial program: a step after each gap, `hits[k]` lookups folded into the gap before step k."""
    steps = [(number - 1 if number else ROOT, gap, 0, 1) for number, gap in enumerate(gaps)]
    made = make_program(steps, (len(gaps) - 1, 0.0))
    none = np.zeros(len(gaps), dtype=np.int64)
    return replace(made, hits=HitCounts(none, none, np.array(hits, dtype=np.int64), none))


def test_the_way_of_one_operation_is_what_the_plain_start_lacks():
    recorded = program([0.010, 0.020], [4, 9])  # 30 ms of gaps, with 5 and 10 operations in them
    assert way_s(recorded, 0.0285) == pytest.approx(0.0001)
    corrected = without_recorder(recorded, 0.0001)
    assert corrected.gap_s == pytest.approx([0.0095, 0.019])


def test_a_gap_shorter_than_its_ways_is_empty_and_the_others_give_more():
    recorded = program([0.0001, 0.020], [9, 9])  # ten operations each
    way = way_s(recorded, 0.015)
    assert way == pytest.approx(0.0005)  # all of the 5 ms from the second
    assert without_recorder(recorded, way).gap_s == pytest.approx([0.0, 0.015])


def test_a_start_that_waits_for_its_disk_makes_the_gaps_longer():
    recorded = program([0.010, 0.010], [0, 0])
    way = way_s(recorded, 0.0204)
    assert way == pytest.approx(-0.0002)
    assert without_recorder(recorded, way).gap_s == pytest.approx([0.0102, 0.0102])

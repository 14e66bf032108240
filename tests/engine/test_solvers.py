"""The solvers, held against the conformance suite; and what only one of them can do."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simpy import Environment

from sim.engine.filling import fill
from sim.engine.lazyheap import SPARE
from sim.engine.maxmin import MaxMin
from sim.engine.star import Star
from sim.testing.oracle_solver import Oracle, fill_slowly
from sim.testing.shared_resource import SharedResourceSuite

INF = float("inf")


class TestMaxMin(SharedResourceSuite):
    def make(self, env):
        return MaxMin(env)


class TestStar(SharedResourceSuite):
    def make(self, env):
        return Star(env)


class SetBackOften(Star):
    clock_limit = 3.0


class TestStarThatSetsItsClockBackOften(SharedResourceSuite):
    def make(self, env):
        return SetBackOften(env)


class TestOracle(SharedResourceSuite):
    def make(self, env):
        return Oracle(env)


RATES = st.sampled_from([0.0, 0.5, 1.0, 2.0, 3.0, 7.0, 10.0, INF])


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_filling_equals_the_book_on_any_topology(data):
    capacity = data.draw(st.lists(RATES, min_size=1, max_size=6))
    links = st.lists(st.integers(0, len(capacity) - 1), unique=True, max_size=4).map(tuple)
    flows = data.draw(st.lists(st.tuples(links, RATES), min_size=1, max_size=12))
    paths, caps = [path for path, _ in flows], [cap for _, cap in flows]
    expected = [float(rate) for rate in fill_slowly(capacity, paths, caps)]
    assert fill(capacity, paths, caps) == pytest.approx(expected, rel=1e-12, abs=1e-12)


def test_three_links_in_a_row():
    """Textbook: a long flow over all three links, a short one on each; each link is a bottleneck for its own."""
    assert fill([1, 2, 3], [(0, 1, 2), (0,), (1,), (2,)], [INF] * 4) == [0.5, 0.5, 1.5, 2.5]


def test_peers_that_send_to_one_another():
    """No registry: up-links 4 and 6, down-links 5 and 9; what up-link 0 lacks, up-link 1 gives to node 2."""
    env = Environment()
    solver = MaxMin(env)
    up0, up1, down2, down3 = (solver.link(rate) for rate in (4, 6, 5, 9))
    flows = [solver.send(100, path) for path in [(up0, down2), (up0, down3), (up1, down2)]]
    env.run(until=1)
    assert [solver.rate(flow) for flow in flows] == [2, 2, 3]


@pytest.mark.parametrize("path", [(), (1,), (0, 1, 2), (1, 2), (0, 0)])
def test_a_star_takes_no_other_paths(path):
    solver = Star(Environment())
    for _ in range(3):
        solver.link(1)
    with pytest.raises(ValueError, match=r"path"):
        solver.send(1, path)


def test_a_star_busy_for_ever_keeps_its_precision_and_memory():
    """The centre is never idle, so the clock is set back on the way; 2,000 rounds of 3 at 1 unit/s end on time."""
    env = Environment()
    solver = SetBackOften(env)
    centre = solver.link(3)
    ends = []

    def rounds(branch, first):
        yield solver.send(first, (centre, branch)).done
        for _ in range(2000):
            yield solver.send(1, (centre, branch)).done
        ends.append(env.now)

    for first in (0.25, 0.5, 0.75):
        env.process(rounds(solver.link(2), first))
    solver.send(1e6, (centre, solver.link(0)))  # bound for ever
    env.run(until=1999)
    assert len(solver._free_by_limit._heap) <= 2 * 3 + SPARE + 1
    env.run(until=2002)
    # the second then has 0.25 left at 1.5 units/s, the third 0.5, of which the last 0.25 at its branch's 2
    assert ends == pytest.approx([2000.25, 2000.25 + 1 / 6, 2000.25 + 1 / 6 + 1 / 8], rel=1e-12)

# ruff: noqa: D102 - the name of a test says what holds
"""Conformance suite of shared-resource solvers; one joins by subclassing `SharedResourceSuite` in its tests.

Expected times are arithmetic one can do in the head; long tangles are held against `Oracle`. Tangles stay
short, as closed loops are chaotic: after some hundred rounds two exact solvers differ.
All paths are those of a star (link 0, or link 0 and one other), which every solver takes.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import partial
from math import inf, nan
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from simpy import Environment, Event, Resource

from sim.engine.shared import Flow, SharedResource
from sim.testing.oracle_solver import Oracle

Solver = SharedResource | Oracle
Process = Generator[Event, Any, None]


class World:
    """A solver in an environment, and a log of what ended when."""

    def __init__(self, make: Callable[[Environment], Solver]) -> None:
        self.env = Environment()
        self.solver = make(self.env)
        self.ended: dict[str, float] = {}
        self.capacities: list[float] = []

    def send(self, name: str, amount: float, path: tuple[int, ...], *, cap: float = inf) -> Flow:
        flow = self.solver.send(amount, path, cap=cap)

        def note(_event: Event) -> None:
            self.ended[name] = self.env.now

        flow.done.callbacks.append(note)
        return flow

    def at(self, seconds: float, act: Callable[[], object]) -> None:
        def call(_event: Event) -> None:
            act()

        self.env.timeout(seconds).callbacks.append(call)


class SharedResourceSuite:
    """Tests that hold for every solver."""

    def make(self, env: Environment) -> Solver:
        """Build the solver under test."""
        raise NotImplementedError

    @pytest.fixture
    def world(self) -> World:
        return World(self.make)

    def test_a_flow_alone_takes_its_amount_over_the_capacity(self, world: World) -> None:
        link = world.solver.link(8)
        flow = world.send("one", 100, (link,))
        world.env.run()
        assert world.ended == {"one": 12.5}
        assert flow.done.value is None
        assert world.solver.progress(flow) == world.solver.carried(link) == 100

    def test_two_links_of_10_and_2_give_rates_2_and_8(self, world: World) -> None:
        wide, narrow = world.solver.link(10), world.solver.link(2)
        first, second = world.send("first", 100, (wide, narrow)), world.send("second", 100, (wide,))
        world.env.run(until=1)
        assert (world.solver.rate(first), world.solver.rate(second)) == (2, 8)
        assert (world.solver.throughput(wide), world.solver.throughput(narrow)) == (10, 2)
        world.env.run()
        assert world.ended == {"first": 50, "second": 12.5}
        assert (world.solver.carried(wide), world.solver.carried(narrow)) == (200, 100)

    def test_a_late_comer_halves_the_rate(self, world: World) -> None:
        link = world.solver.link(10)
        early = world.send("early", 100, (link,))
        world.at(4, lambda: world.send("late", 30, (link,)))
        world.env.run(until=6)
        assert world.solver.progress(early) == pytest.approx(50)  # 4 s at 10, 2 s at 5
        assert world.solver.carried(link) == pytest.approx(60)
        world.env.run()
        assert world.ended == pytest.approx({"late": 10, "early": 13})  # 30 at 5; then 30 left at 10

    def test_what_a_capped_flow_leaves_goes_to_the_others(self, world: World) -> None:
        link = world.solver.link(10)
        world.send("slow", 4, (link,), cap=1)
        world.send("a", 27, (link,))
        world.send("b", 18, (link,))
        world.env.run()
        # 1 + 4.5 + 4.5 until 4 s, when slow and b end; a has 9 left at 10
        assert world.ended == pytest.approx({"slow": 4, "b": 4, "a": 4.9})

    def test_a_cap_that_doubles_until_the_fair_share_binds(self, world: World) -> None:
        """Slow start: 1, 2, 4 units in the first three seconds, then the link's 5."""
        link = world.solver.link(5)
        flow = world.send("ramp", 17, (link,), cap=1)
        for second in (1, 2, 3):
            world.at(second, partial(world.solver.set_cap, flow, 2**second))
        world.env.run()
        assert world.ended == pytest.approx({"ramp": 5})

    def test_an_outage_stops_everything_and_nothing_is_lost(self, world: World) -> None:
        link = world.solver.link(10)
        world.send("one", 100, (link,))
        world.at(5, lambda: world.solver.set_capacity(link, 0))
        world.at(25, lambda: world.solver.set_capacity(link, 5))
        world.env.run()
        assert world.ended == pytest.approx({"one": 35})

    def test_a_cap_lifted_during_an_outage_counts_afterwards(self, world: World) -> None:
        link = world.solver.link(0)
        flow = world.send("one", 10, (link,), cap=0)
        world.at(1, lambda: world.solver.set_cap(flow, inf))
        world.at(2, lambda: world.solver.set_capacity(link, 5))
        world.env.run()
        assert world.ended == {"one": 4}

    def test_a_cancelled_flow_tells_what_it_had_and_gives_back_its_share(self, world: World) -> None:
        link = world.solver.link(10)
        flow = world.send("given up", 100, (link,))
        world.send("kept", 100, (link,))
        had = []
        world.at(4, lambda: had.append(world.solver.cancel(flow)))
        world.env.run()
        assert had == pytest.approx([20])
        assert world.ended == pytest.approx({"kept": 12})
        assert world.solver.carried(link) == pytest.approx(120)
        assert world.solver.cancel(flow) == world.solver.progress(flow) == pytest.approx(20)

    def test_an_amount_of_nothing_is_through_at_once(self, world: World) -> None:
        link = world.solver.link(0)
        world.at(3, lambda: world.send("nothing", 0, (link,)))
        world.env.run()
        assert world.ended == {"nothing": 3}

    def test_links_without_limit_take_no_time(self, world: World) -> None:
        centre, branch = world.solver.link(inf), world.solver.link(inf)
        narrow = world.solver.link(2)
        world.at(1, lambda: world.send("free", 1e12, (centre, branch)))
        world.at(1, lambda: world.send("capped", 10, (centre, branch), cap=5))
        world.at(1, lambda: world.send("narrow", 10, (centre, narrow)))
        world.env.run()
        assert world.ended == {"free": 1, "capped": 3, "narrow": 6}

    def test_flows_that_end_together_end_in_the_order_of_sending(self, world: World) -> None:
        centre = world.solver.link(12)
        for name in "cab":
            world.send(name, 10, (centre, world.solver.link(3)))
        world.env.run()
        assert list(world.ended.items()) == [("c", 10 / 3), ("a", 10 / 3), ("b", 10 / 3)]

    def test_they_do_so_whatever_bound_their_rates(self, world: World) -> None:
        link = world.solver.link(10)
        world.send("shares", 80, (link,))
        world.send("capped", 20, (link,), cap=2)
        world.env.run()
        assert list(world.ended.items()) == [("shares", 10), ("capped", 10)]

    def test_one_event_may_start_the_next_flow(self, world: World) -> None:
        link = world.solver.link(10)

        def chain() -> Process:
            for number in range(5):
                yield world.send(str(number), 20, (link,)).done

        world.env.process(chain())
        world.env.run()
        assert list(world.ended.values()) == pytest.approx([2, 4, 6, 8, 10])

    def test_a_tiny_flow_late_in_a_long_run_ends(self, world: World) -> None:
        link = world.solver.link(1e9)
        world.send("long", 1e15, (link,))
        world.at(999_999, lambda: world.send("tiny", 1e-7, (link,)))
        world.env.run()
        assert world.ended == pytest.approx({"tiny": 999_999, "long": 1e6})

    def test_a_hundred_nodes_pull_ten_layers(self, world: World) -> None:
        """4 TB over 1.25 GB/s: 32 s, as the registry's link is busy all the time."""
        if isinstance(world.solver, Oracle):
            pytest.skip("the oracle would take minutes")
        registry = world.solver.link(1.25e9)
        pulls = [
            world.env.process(pull(world, (registry, world.solver.link(125e6)), layers=10, layer_bytes=40e6))
            for _ in range(100)
        ]
        world.env.run(world.env.all_of(pulls))
        assert world.env.now == pytest.approx(32, abs=1e-9)
        assert world.solver.carried(registry) == 100 * 10 * 40e6

    @pytest.mark.parametrize(("amount", "cap"), [(-1, inf), (nan, inf), (1, -1), (1, nan), (inf, inf)])
    def test_amounts_and_caps_make_sense(self, world: World, amount: float, cap: float) -> None:
        if isinstance(world.solver, Oracle):
            pytest.skip("the oracle trusts its caller")
        link = world.solver.link(1)
        with pytest.raises(ValueError, match=r"amount|cap"):
            world.solver.send(amount, (link,), cap=cap)

    # the classes that share this test share its examples too: what fails for one is tried on all
    @settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.differing_executors])
    @given(st.data())
    def test_a_tangle_ends_as_by_the_oracle_and_is_fair_at_all_times(self, data: st.DataObject) -> None:
        tangle = data.draw(tangles())
        ours, judge = World(self.make), World(Oracle)
        flows, expected = tangle.play(ours), tangle.play(judge)
        if isinstance(ours.solver, SharedResource):
            solver = ours.solver
            solver.after_solve.append(lambda: check_fair(solver, ours.capacities, flows))
        for world in (ours, judge):
            world.env.run(until=tangle.lasts_s)
        assert ours.ended == pytest.approx(judge.ended, rel=1e-9)
        progress = [ours.solver.progress(flow) for flow in flows]
        assert progress == pytest.approx([judge.solver.progress(flow) for flow in expected], rel=1e-9, abs=1e-9)
        for link in range(len(tangle.capacities)):
            through = sum(moved for moved, flow in zip(progress, flows, strict=True) if link in flow.path)
            assert ours.solver.carried(link) == pytest.approx(through)


@dataclass(frozen=True, slots=True)
class Tangle:
    """Links and up to 60 changes: (seconds since the last, what, whom, number)."""

    capacities: list[float]
    changes: list[tuple[float, str, int, float]]

    @property
    def lasts_s(self) -> float:
        return 1.5 + sum(change[0] for change in self.changes) * 1.25

    def play(self, world: World) -> list[Flow]:
        """Schedule all of it; the list fills with the flows as they are sent."""
        world.capacities = list(self.capacities)
        for capacity in world.capacities:
            world.solver.link(capacity)
        flows: list[Flow] = []
        world.env.process(self._changes(world, flows))
        return flows

    def _changes(self, world: World, flows: list[Flow]) -> Process:
        capacities = world.capacities
        for pause, what, whom, number in self.changes:
            if pause:
                yield world.env.timeout(pause)
            match what:
                case "send" | "send capped":
                    branch = whom % len(capacities)
                    path = (0, branch) if branch else (0,)
                    cap = number if what == "send capped" else inf
                    flows.append(world.send(str(len(flows)), 1 + 10 * whom, path, cap=cap))
                case "cancel" if flows:
                    world.solver.cancel(flows[whom % len(flows)])
                case "cap" if flows:
                    world.solver.set_cap(flows[whom % len(flows)], number)
                case "capacity":
                    capacities[whom % len(capacities)] = number
                    world.solver.set_capacity(whom % len(capacities), number)


@st.composite
def tangles(draw: st.DrawFn) -> Tangle:
    """Draw a star of up to 5 links and what happens on it.

    The pauses are odd, so that no change meets the end of a flow: who comes first then is SimPy's to say.
    """
    rates = st.sampled_from([0.0, 0.7, 1.0, 2.0, 3.0, 5.0, 10.0, inf])
    capacities = draw(st.lists(rates, min_size=1, max_size=5))
    kinds = st.sampled_from(["send", "send", "send", "send capped", "cancel", "cap", "capacity"])
    change = st.tuples(st.sampled_from([0.0, 0.0, 0.31307, 1.00931, 4.11773]), kinds, st.integers(0, 9), rates)
    return Tangle(capacities, draw(st.lists(change, min_size=1, max_size=60)))


def check_fair(solver: SharedResource, capacities: list[float], flows: list[Flow]) -> None:
    """Hold rates against the definition of max-min fairness.

    No link carries more than it can, no flow runs above its cap, and each flow has a reason not to be
    faster: its cap, or a full link on which no other flow is faster than it.
    """
    rates = {flow: solver.rate(flow) for flow in flows if flow.active}
    through = [sum(rate for flow, rate in rates.items() if link in flow.path) for link in range(len(capacities))]
    for link, most in enumerate(capacities):
        assert through[link] <= most * (1 + 1e-9)
        assert solver.throughput(link) == pytest.approx(through[link])
    for flow, rate in rates.items():
        assert rate <= flow.cap
        bottlenecks = [
            link
            for link in flow.path
            if through[link] >= capacities[link] * (1 - 1e-9)
            and rate >= max(other for one, other in rates.items() if link in one.path) * (1 - 1e-9)
        ]
        assert rate >= flow.cap * (1 - 1e-9) or bottlenecks


def pull(world: World, path: tuple[int, ...], *, layers: int, layer_bytes: float) -> Process:
    """Pull layers, three at a time."""
    slots = Resource(world.env, 3)

    def layer() -> Process:
        with slots.request() as slot:
            yield slot
            yield world.solver.send(layer_bytes, path).done

    yield world.env.all_of([world.env.process(layer()) for _ in range(layers)])

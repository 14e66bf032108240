"""Replay of a recorded program on one node: steps wait for their data, everything after them shifts, nothing else.

Time between fetches is owed, not slept: steps whose data is here cost no event. Owed time is the workload's own
and that of operations answered without a fetch; it passes before a fetch and before threads part.
"""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import numpy as np
from simpy import Event

from sim.core.program import ROOT, FloatColumn, HitCounts, IntColumn, Program, step_units
from sim.core.result import SHARE_KINDS
from sim.model.image import Image, Prices
from sim.model.timeline import APPLICATION, FUSE, Timeline, dominant
from sim.model.world import World
from sim.plan.columns import LayoutColumns

Process = Generator[Event, Any, None]


@dataclass(slots=True)
class Stall:
    """A step that had to wait: for how long and for what, and its span."""

    seconds: float
    totals: list[float]
    span: int


class Replay:
    """One run of a program.

    finished: every step and mark is done. mark_s: when each mark was reached, by its number in the program.
    """

    def __init__(self, world: World, node: int, program: Program, columns: LayoutColumns, image: Image) -> None:
        self._world = world
        self._node = node
        self._program = program
        self._columns = columns
        self._image = image
        self._priced = price(program, image.prices)
        self._children_of = children(program)
        self._running = 0
        self.stalls: dict[int, Stall] = {}
        self.mark_s: dict[int, float] = {}
        self.finished: Event = world.env.event()
        self.marked = [world.env.event() for _ in program.mark_names]

    def start(self) -> None:
        """Start the steps and marks that follow nothing but the start of the container."""
        roots = self._children_of.get(ROOT, [])
        if not roots:
            self.finished.succeed()
        for step in roots:
            self._spawn(step)

    def shares(self, mark: int) -> list[float]:
        """Where the time between the container's start and a mark went, along the chain that ends there."""
        sums = [0.0] * len(SHARE_KINDS)
        at = self._program.steps + mark
        while at != ROOT:
            sums[APPLICATION] += self._priced.gap_s[at]
            sums[FUSE] += self._priced.hits_s[at] + self._priced.own_s[at]
            stall = self.stalls.get(at)
            if stall is not None:
                sums = [mine + more for mine, more in zip(sums, stall.totals, strict=True)]
                self._world.spans.mark_critical(stall.span)
            at = self._priced.anchor[at]
        return sums

    def _spawn(self, step: int) -> None:
        self._running += 1
        self._world.env.process(self._run(step))

    def _run(self, at: int) -> Process:
        """Carry out a step or mark and then its first follower, and so on; other followers run beside it."""
        priced, steps, owed_s = self._priced, self._program.steps, 0.0
        while True:
            owed_s += priced.gap_s[at] + priced.hits_s[at]
            if at < steps:
                owed_s = yield from self._step(at, owed_s)
            else:
                yield from self._settle(owed_s)
                owed_s = 0.0
                self._mark(at - steps)
            followers = self._children_of.get(at)
            if followers is None:
                break
            if len(followers) > 1:
                yield from self._settle(owed_s)
                owed_s = 0.0
                for follower in followers[1:]:
                    self._spawn(follower)
            at = followers[0]
        self._running -= 1
        if self._running == 0:
            self.finished.succeed()

    def _step(self, step: int, owed_s: float) -> Generator[Event, Any, float]:
        """Have the data of a step; returns the time owed after it."""
        units = step_units(self._program, step)
        if not self._image.holds(units):
            yield from self._settle(owed_s)
            owed_s = 0.0
            if not self._image.holds(units):  # it may have come meanwhile
                yield from self._fetch(step, units)
        return owed_s + self._priced.own_s[step]

    def _fetch(self, step: int, units: list[int]) -> Process:
        env, timeline = self._world.env, Timeline()
        start_s = env.now
        yield from self._image.read(units, timeline)
        totals = timeline.totals()
        entry = int(self._program.entry[step])
        span = self._world.spans.add(
            "stall",
            self._node,
            start_s,
            env.now,
            layer=self._columns.entry_layer[entry],
            path=self._columns.entry_path[entry],
            bytes=sum(self._columns.unit_size[unit] for unit in units),
            waits_for=dominant(totals),
        )
        self.stalls[step] = Stall(env.now - start_s, totals, span)

    def _settle(self, owed_s: float) -> Process:
        """Let owed time pass."""
        if owed_s > 0:
            yield self._world.env.timeout(owed_s)

    def _mark(self, mark: int) -> None:
        self.mark_s[mark] = self._world.env.now
        self.marked[mark].succeed()


@dataclass(frozen=True, slots=True)
class Priced:
    """Steps, then marks: anchor, computing gap, price of the hits before it, price of the step itself; lists."""

    anchor: list[int]
    gap_s: list[float]
    hits_s: list[float]
    own_s: list[float]


def price(program: Program, prices: Prices) -> Priced:
    """Price a program's hits and steps."""
    own_s = prices.read_s + program.length * prices.read_s_per_byte
    return Priced(
        anchor=np.concatenate([program.anchor, program.mark_anchor]).tolist(),
        gap_s=np.concatenate([program.gap_s, program.mark_gap_s]).tolist(),
        hits_s=np.concatenate([_hits_s(program.hits, prices), _hits_s(program.mark_hits, prices)]).tolist(),
        own_s=np.concatenate([own_s, np.zeros(len(program.mark_anchor))]).tolist(),
    )


def children(program: Program) -> dict[int, list[int]]:
    """Followers of each step (marks are numbered after the steps), in recorded order; ROOT's are the first ones."""
    anchor: IntColumn = np.concatenate([program.anchor, program.mark_anchor])
    order = np.argsort(anchor, kind="stable")
    parents, starts = np.unique(anchor[order], return_index=True)
    groups = np.split(order, starts[1:])
    return {int(parent): group.tolist() for parent, group in zip(parents, groups, strict=True)}


def _hits_s(hits: HitCounts, prices: Prices) -> FloatColumn:
    return np.asarray(
        hits.reads * prices.read_s
        + hits.read_bytes * prices.read_s_per_byte
        + hits.lookups * prices.lookup_s
        + hits.readdirs * prices.readdir_s,
        dtype=np.float64,
    )

"""`Oracle`: shared resources solved slowly and obviously, to judge the fast solvers by.

Nothing in common with them: exact fractions, every flow looked at on every change, a process for each wait.
"""

from collections.abc import Generator
from fractions import Fraction
from math import inf

from simpy import Environment, Event

from sim.engine.shared import Flow


class Oracle:
    """The interface of `SharedResource`, for any topology and a few flows."""

    def __init__(self, env: Environment) -> None:
        self.env = env
        self.capacities: list[float] = []
        self.settled: list[float] = []
        self.flows: list[Flow] = []
        self.sent = 0
        self.advanced_s = 0.0
        self.generation = 0

    def link(self, capacity: float) -> int:
        """Add a link."""
        self.capacities.append(capacity)
        self.settled.append(0.0)
        return len(self.capacities) - 1

    def send(self, amount: float, path: tuple[int, ...], *, cap: float = inf) -> Flow:
        """Start a flow."""
        flow = Flow(Event(self.env), amount, path, cap, self.sent)
        self.sent += 1
        self.flows.append(flow)
        self.change()
        return flow

    def progress(self, flow: Flow) -> float:
        """Amount through by now."""
        self.advance()
        return flow.moved

    def rate(self, flow: Flow) -> float:
        """Units a second."""
        return flow.rate if flow.active else 0.0

    def cancel(self, flow: Flow) -> float:
        """Stop a flow."""
        self.advance()
        if flow.active:
            self.end(flow)
            self.change()
        return flow.moved

    def set_cap(self, flow: Flow, cap: float) -> None:
        """Change a flow's cap."""
        flow.cap = cap
        self.change()

    def set_capacity(self, link: int, capacity: float) -> None:
        """Change a link's capacity."""
        self.advance()
        self.capacities[link] = capacity
        self.change()

    def carried(self, link: int) -> float:
        """Total through a link."""
        self.advance()
        return self.settled[link] + sum(flow.moved for flow in self.flows if link in flow.path)

    def throughput(self, link: int) -> float:
        """Units a second through a link."""
        return sum(flow.rate for flow in self.flows if link in flow.path)

    def advance(self) -> None:
        """Move every flow up to now."""
        if self.env.now > self.advanced_s:
            for flow in self.flows:
                flow.moved = min(flow.amount, flow.moved + flow.rate * (self.env.now - self.advanced_s))
        self.advanced_s = self.env.now

    def change(self) -> None:
        """Give every flow its new rate and wait for the next to end."""
        self.advance()
        self.generation += 1
        rates = fill_slowly(self.capacities, [flow.path for flow in self.flows], [flow.cap for flow in self.flows])
        for flow, rate in zip(self.flows, rates, strict=True):
            flow.rate = float(rate)
        waits = {flow: self.wait_of(flow) for flow in self.flows}
        soonest = min(waits.values(), default=inf)
        ending = [flow for flow, seconds in waits.items() if seconds <= soonest * (1 + 1e-12)]
        if soonest < inf:
            self.env.process(self.wait(soonest, ending, self.generation))

    def wait_of(self, flow: Flow) -> float:
        """Seconds until a flow is through at today's rate."""
        if flow.moved >= flow.amount or flow.rate == inf:
            return 0.0
        return (flow.amount - flow.moved) / flow.rate if flow.rate else inf

    def wait(self, seconds: float, ending: list[Flow], generation: int) -> Generator[Event, None, None]:
        """End flows after `seconds`, unless something changed before."""
        yield self.env.timeout(seconds)
        if generation == self.generation:
            self.advance()
            for flow in ending:
                flow.moved = flow.amount
                self.end(flow)
                flow.done.succeed()
            self.change()

    def end(self, flow: Flow) -> None:
        """Forget a flow."""
        flow.active = False
        self.flows.remove(flow)
        for link in flow.path:
            self.settled[link] += flow.moved


def fill_slowly(capacity: list[float], paths: list[tuple[int, ...]], caps: list[float]) -> list[Fraction | float]:
    """Max-min rates by the book: raise all that can rise by the largest step that breaks no limit; repeat."""
    rate: list[Fraction | float] = [Fraction(0)] * len(paths)
    rising = set(range(len(paths)))
    while rising:
        steps = [Fraction(caps[flow]) - rate[flow] for flow in rising if caps[flow] < inf]
        for link, most in enumerate(capacity):
            users = [flow for flow, path in enumerate(paths) if link in path]
            risers = rising.intersection(users)
            if risers and most < inf:
                steps.append((Fraction(most) - sum(rate[flow] for flow in users)) / len(risers))
        if not steps:
            for flow in rising:
                rate[flow] = inf
            break
        for flow in rising:
            rate[flow] += min(steps)
        full = {
            link
            for link, most in enumerate(capacity)
            if sum(rate[flow] for flow, path in enumerate(paths) if link in path) == most
        }
        rising = {flow for flow in rising if rate[flow] != caps[flow] and not full.intersection(paths[flow])}
    return rate

"""Fluid shared resources: amounts (bytes, CPU seconds) that cross links (wires, cores) at max-min fair rates.

Rates change only when a flow starts or ends or a limit is set; between such changes nothing is computed.
Changes of one time stamp are solved together, after its normal events. Flows that end at the same time
succeed in the order in which they were sent.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from math import inf, ulp

from simpy import Environment, Event

from sim.engine.beat import Beat

RELATIVE_END = 1e-12  # a flow is through when this share of it is left: float error of a few hundred changes
ULPS = 4  # or when its end is within these steps of the clock


class Flow:
    """One amount on its way. `done` succeeds (value None) when all of it is through.

    For all else ask the solver; the fields below `active` are its own notes.
    """

    __slots__ = (
        "active",
        "amount",
        "cap",
        "done",
        "finish_s",
        "goal",
        "limit",
        "moved",
        "path",
        "rate",
        "serial",
        "since_s",
    )

    def __init__(self, done: Event, amount: float, path: tuple[int, ...], cap: float, serial: int) -> None:
        self.done = done
        self.amount = amount
        self.path = path
        self.cap = cap
        self.serial = serial  # order of sending
        self.active = True  # neither through nor cancelled
        self.moved = 0.0  # through at the solver's last look at it
        self.rate = 0.0
        self.finish_s = inf
        self.since_s = 0.0
        self.limit = 0.0
        self.goal = 0.0

    def due(self, now: float) -> bool:
        """Say whether it is through at `now`, as far as floats can tell."""
        ahead = self.finish_s - now
        return ahead <= ULPS * ulp(now) or ahead * self.rate <= RELATIVE_END * self.amount


class SharedResource(ABC):
    """What every solver offers; they differ in the topologies they take and in cost.

    after_solve: called after each solve, in order; for what must follow the rates (a token bucket).
    """

    def __init__(self, env: Environment) -> None:
        self.env = env
        self.after_solve: list[Callable[[], None]] = []
        self._capacity: list[float] = []
        self._settled: list[float] = []  # by link: amount of flows that ended or were cancelled
        self._sent = 0
        self._beat = Beat(env, solve=self._on_solve, wake=self._on_wake)

    def link(self, capacity: float) -> int:
        """Add a link that carries `capacity` units a second (inf and 0 allowed); return its number."""
        _check(capacity, "capacity")
        self._capacity.append(capacity)
        self._settled.append(0.0)
        return len(self._capacity) - 1

    def send(self, amount: float, path: tuple[int, ...], *, cap: float = inf) -> Flow:
        """Start a flow over the links of `path` (each once), never faster than `cap` units a second.

        An amount of 0 succeeds at once.
        """
        if not (0 <= amount < inf and cap >= 0):  # also catches NaN
            raise ValueError(f"amount {amount} with cap {cap}: neither may be negative, the amount must be finite")
        self._check_path(path)
        flow = Flow(Event(self.env), amount, path, cap, self._sent)
        self._sent += 1
        if amount == 0:
            flow.active = False
            flow.done.succeed()
        else:
            self._admit(flow)
            self._beat.changed()
        return flow

    def progress(self, flow: Flow) -> float:
        """Amount of a flow that is through by now."""
        if not flow.active:
            return flow.moved
        return min(flow.amount, self._moved(flow))

    def rate(self, flow: Flow) -> float:
        """Units a second it moves at; 0 once it is through and until its first solve."""
        return flow.rate if flow.active else 0.0

    def cancel(self, flow: Flow) -> float:
        """Stop a flow; its `done` never fires. Returns the amount through; a flow already through stays so."""
        through = self.progress(flow)
        if flow.active:
            self._end(flow, through)
            self._beat.changed()
        return through

    def set_cap(self, flow: Flow, cap: float) -> None:
        """Change the most a flow may have, from now on."""
        _check(cap, "cap")
        if flow.active and cap != flow.cap:
            flow.cap = cap
            self._recap(flow)
            self._beat.changed()

    def set_capacity(self, link: int, capacity: float) -> None:
        """Change a link's capacity from now on; 0 is an outage."""
        _check(capacity, "capacity")
        if capacity != self._capacity[link]:
            self._capacity[link] = capacity
            self._resize(link)
            self._beat.changed()

    def carried(self, link: int) -> float:
        """Total through a link by now; exact for flows that are through."""
        return self._settled[link] + sum(self.progress(flow) for flow in self._flows_on(link))

    def throughput(self, link: int) -> float:
        """Units a second the link carries since the last solve."""
        return sum(flow.rate for flow in self._flows_on(link))

    def _check_path(self, path: tuple[int, ...]) -> None:
        if len(path) > 1 and len(set(path)) != len(path):
            raise ValueError(f"path {path}: a flow crosses a link once")

    @abstractmethod
    def _admit(self, flow: Flow) -> None:
        """Take a flow in; it moves from the next solve on."""

    @abstractmethod
    def _drop(self, flow: Flow) -> None:
        """Forget a flow that ended or was cancelled."""

    @abstractmethod
    def _moved(self, flow: Flow) -> float:
        """Amount of an active flow that is through by now; float error may exceed the amount."""

    @abstractmethod
    def _flows_on(self, link: int) -> list[Flow]:
        """Active flows that cross a link."""

    @abstractmethod
    def _solve(self) -> None:
        """Set new rates from now on; end what is through at once; arm the beat."""

    @abstractmethod
    def _due(self) -> list[Flow]:
        """Flows that are through by now; arms the beat when there is none."""

    def _recap(self, flow: Flow) -> None:  # noqa: B027 - a hook: a solver that looks at everything needs none
        """Note that a flow's cap changed."""

    def _resize(self, link: int) -> None:  # noqa: B027
        """Note that a link's capacity changed."""

    def _finish(self, flows: list[Flow]) -> None:
        flows.sort(key=_serial)
        for flow in flows:
            self._end(flow, flow.amount)
            flow.done.succeed()

    def _end(self, flow: Flow, through: float) -> None:
        self._drop(flow)
        flow.active = False
        flow.moved = through
        for link in flow.path:
            self._settled[link] += through

    def _on_solve(self) -> None:
        self._solve()
        for follow in self.after_solve:
            follow()

    def _on_wake(self) -> None:
        through = self._due()
        if through:
            self._finish(through)
            self._beat.changed()


def _serial(flow: Flow) -> int:
    return flow.serial


def _check(value: float, name: str) -> None:
    if not value >= 0:  # also catches NaN
        raise ValueError(f"{name} is {value}; it must be a number that is not negative")

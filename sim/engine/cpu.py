"""`Cpu`: the cores of a node as one fluid link; a task never has more than one core."""

from simpy import Environment, Event

from sim.engine.maxmin import MaxMin
from sim.engine.shared import Flow


class Cpu:
    """Cores that tasks share fairly; amounts are CPU seconds on one core.

    cores: how many; inf makes every task take exactly its own seconds.
    """

    def __init__(self, env: Environment, cores: float) -> None:
        self._solver = MaxMin(env)
        self._link = self._solver.link(cores)

    def work(self, seconds: float) -> Event:
        """Start a task of that many CPU seconds; the event succeeds when it is done."""
        return self.start(seconds).done

    def start(self, seconds: float, *, cores: float = 1.0) -> Flow:
        """Start a task that may use up to `cores` at once; for `cancel`."""
        return self._solver.send(seconds, (self._link,), cap=cores)

    def cancel(self, task: Flow) -> float:
        """Stop a task; returns the CPU seconds it had."""
        return self._solver.cancel(task)

    @property
    def used_s(self) -> float:
        """CPU seconds spent so far."""
        return self._solver.carried(self._link)

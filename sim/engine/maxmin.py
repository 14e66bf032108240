"""`MaxMin`: the general solver, for any topology and per-flow caps.

Plain Python, since most simulations have one node with a handful of flows; a change costs O(flows).
For many nodes behind one registry `Star` is exact too and costs O(log flows).
"""

from math import inf

from simpy import Environment

from sim.engine.filling import fill
from sim.engine.shared import Flow, SharedResource


class MaxMin(SharedResource):
    """Max-min fair sharing by progressive filling over all flows at each change."""

    def __init__(self, env: Environment) -> None:
        super().__init__(env)
        self._flows: dict[int, Flow] = {}  # by serial, so in order of sending
        self._looked_s = float(env.now)

    def _admit(self, flow: Flow) -> None:
        self._flows[flow.serial] = flow

    def _drop(self, flow: Flow) -> None:
        del self._flows[flow.serial]

    def _moved(self, flow: Flow) -> float:
        return flow.moved + flow.rate * (self.env.now - self._looked_s)

    def _flows_on(self, link: int) -> list[Flow]:
        return [flow for flow in self._flows.values() if link in flow.path]

    def _solve(self) -> None:
        now = self.env.now
        elapsed = now - self._looked_s
        self._looked_s = now
        flows = list(self._flows.values())
        if not flows:
            return
        rates = fill(self._capacity, [flow.path for flow in flows], [flow.cap for flow in flows])
        instant = []
        next_s = inf
        for flow, rate in zip(flows, rates, strict=True):
            flow.moved += flow.rate * elapsed
            flow.rate = rate
            if rate == inf:
                instant.append(flow)
                continue
            flow.finish_s = now + max(0.0, flow.amount - flow.moved) / rate if rate else inf
            next_s = min(next_s, flow.finish_s)
        self._beat.arm(next_s)
        if instant:  # they load no finite link, so the other rates stand
            self._finish(instant)

    def _due(self) -> list[Flow]:
        now = self.env.now
        through = [flow for flow in self._flows.values() if flow.due(now)]
        if not through:
            self._beat.arm(min((flow.finish_s for flow in self._flows.values()), default=inf))
        return through

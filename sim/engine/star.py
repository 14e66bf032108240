"""`Star`: one centre link (a registry) with any number of branch links (nodes); exact, O(log flows) a change.

A branch alone would give each of its flows some rate; that, or the flow's cap, is its limit. Max-min rates are
then min(limit, level), with one level for all: flows below the level are *bound* and run at their limit; the
others are *free*, share equally what is left, and so share one virtual clock that runs at the level. A change
of the level moves the flows it passes from one side to the other, found by limit at the top of a heap.
That is egalitarian processor sharing in virtual time (as in fair queueing), with limits.
"""

from math import inf, ulp

from simpy import Environment

from sim.engine.filling import fill_one
from sim.engine.lazyheap import LazyHeap
from sim.engine.shared import RELATIVE_END, ULPS, Flow, SharedResource

CENTRE = 0
SLACK = 1 + 1e-12  # a bound flow at the level up to float error stays bound


class Star(SharedResource):
    """Max-min fair sharing where every path is the centre (the first link), alone or with one branch.

    clock_limit: units; beyond it the clock is set back, to keep 1e-5 units of precision.
    """

    clock_limit = 2.0**36

    def __init__(self, env: Environment) -> None:
        super().__init__(env)
        self._members: list[dict[Flow, None]] = []  # by link, in order of sending; the centre's: on no branch
        self._touched: dict[int, None] = {}  # branches whose limits must be looked at
        self._loose: list[Flow] = []  # flows on no branch whose limit must be looked at
        self._looked_s = float(env.now)
        self._clock = 0.0  # what a flow that was always free has moved
        self._level = 0.0
        self._bound_rate = 0.0
        self._free_by_goal = LazyHeap()  # the clock when it is through
        self._free_by_limit = LazyHeap()
        self._bound_by_finish = LazyHeap()
        self._bound_by_limit = LazyHeap()  # highest first: keys are −limit

    def link(self, capacity: float) -> int:
        """Add a link; the first one is the centre."""
        self._members.append({})
        return super().link(capacity)

    def rate(self, flow: Flow) -> float:
        """Units a second it moves at; 0 once it is through and until its first solve."""
        return self._level if flow in self._free_by_goal.live else super().rate(flow)

    def throughput(self, link: int) -> float:
        """Units a second the link carries since the last solve."""
        if link == CENTRE:
            return self._bound_rate + self._level * len(self._free_by_goal.live)
        return sum(self.rate(flow) for flow in self._members[link])

    def _check_path(self, path: tuple[int, ...]) -> None:
        if path != (CENTRE,) and not (len(path) == 2 and min(path) == CENTRE < max(path)):
            raise ValueError(f"path {path}: a star's flows cross link 0 and at most one other; use MaxMin for this")

    def _admit(self, flow: Flow) -> None:
        self._members[_branch(flow)][flow] = None
        self._recap(flow)

    def _drop(self, flow: Flow) -> None:
        branch = _branch(flow)
        del self._members[branch][flow]
        if branch != CENTRE:
            self._touched[branch] = None
        if flow in self._bound_by_limit.live:
            self._bound_rate -= flow.rate
            self._bound_by_limit.discard(flow)
            self._bound_by_finish.discard(flow)
        else:
            self._free_by_goal.discard(flow)
            self._free_by_limit.discard(flow)

    def _recap(self, flow: Flow) -> None:
        if (branch := _branch(flow)) == CENTRE:
            self._loose.append(flow)
        else:
            self._touched[branch] = None

    def _resize(self, link: int) -> None:
        if link != CENTRE:
            self._touched[link] = None

    def _moved(self, flow: Flow) -> float:
        if flow in self._free_by_goal.live:
            return flow.amount - flow.goal + self._clock_now()
        return flow.moved + flow.rate * (self.env.now - flow.since_s)

    def _flows_on(self, link: int) -> list[Flow]:
        if link == CENTRE:
            return [flow for members in self._members for flow in members]
        return list(self._members[link])

    def _clock_now(self) -> float:
        return self._clock + self._level * (self.env.now - self._looked_s)

    def _solve(self) -> None:
        self._clock = self._clock_now()
        self._looked_s = self.env.now
        self._keep_precision()
        self._look_at_limits()
        water = self._water()
        while -self._bound_by_limit.lowest() > water * SLACK:
            self._set_free(self._settle(self._bound_by_limit.first()))
            water = self._water()
        while (limit := self._free_by_limit.lowest()) <= water and limit < inf:
            self._bind(self._free_by_limit.first(), limit)
            water = self._water()
        free = self._free_by_goal.live
        self._level = max(0.0, water) if free and water < inf else 0.0
        if free and water == inf:  # nothing binds the free ones
            self._finish(list(free))
        self._arm()

    def _keep_precision(self) -> None:
        """Set the clock back when nobody needs it or it is far on; drop the float error of bound rates."""
        if not self._free_by_goal.live:
            self._clock = 0.0
        elif self._clock > self.clock_limit:
            for flow in list(self._free_by_goal.live):
                flow.goal -= self._clock
            self._free_by_goal.shift(self._clock)
            self._clock = 0.0
        if not self._bound_by_limit.live:
            self._bound_rate = 0.0

    def _look_at_limits(self) -> None:
        for flow in self._loose:
            if flow.active:
                self._set_limit(flow, flow.cap)
        self._loose.clear()
        for branch in self._touched:
            flows = self._members[branch]
            if len(flows) == 1:
                for flow in flows:
                    self._set_limit(flow, min(flow.cap, self._capacity[branch]))
            elif flows:
                limits = fill_one(self._capacity[branch], [flow.cap for flow in flows])
                for flow, limit in zip(flows, limits, strict=True):
                    self._set_limit(flow, limit)
        self._touched.clear()

    def _set_limit(self, flow: Flow, limit: float) -> None:
        known, flow.limit = flow.limit, limit
        if flow in self._bound_by_limit.live:
            if limit == inf:
                self._set_free(self._settle(flow))
            elif limit != known:
                self._bind(self._settle(flow), limit)
        elif flow in self._free_by_limit.live:
            if limit != known:
                self._free_by_limit.push(limit, flow)
        elif limit < self._level:  # likely to stay so; the solve decides
            self._bind(flow, limit)
        else:
            self._set_free(flow)

    def _water(self) -> float:
        """Level at which the free flows fill what the bound ones leave.

        Where none is free: inf, or −1 if the bound ones have more than there is.
        """
        left = self._capacity[CENTRE] - self._bound_rate
        if free := len(self._free_by_goal.live):
            return left / free
        return inf if self._bound_rate <= self._capacity[CENTRE] * SLACK else -1.0

    def _set_free(self, flow: Flow) -> None:
        """Let a settled flow, bound or new, run with the clock."""
        flow.goal = self._clock + flow.amount - flow.moved
        self._free_by_goal.push(flow.goal, flow)
        self._free_by_limit.push(flow.limit, flow)

    def _settle(self, flow: Flow) -> Flow:
        """Take a bound flow out of its side, with what it has moved."""
        flow.moved += flow.rate * (self._looked_s - flow.since_s)
        self._bound_by_limit.discard(flow)
        self._bound_by_finish.discard(flow)
        self._bound_rate = self._bound_rate - flow.rate if self._bound_by_limit.live else 0.0
        return flow

    def _bind(self, flow: Flow, limit: float) -> None:
        """Let a flow, free or settled, run at its limit."""
        if flow in self._free_by_goal.live:
            flow.moved = flow.amount - flow.goal + self._clock
            self._free_by_goal.discard(flow)
            self._free_by_limit.discard(flow)
        flow.since_s = self._looked_s
        flow.rate = limit
        flow.finish_s = self._looked_s + max(0.0, flow.amount - flow.moved) / limit if limit else inf
        self._bound_rate += limit
        self._bound_by_limit.push(-limit, flow)
        self._bound_by_finish.push(flow.finish_s, flow)

    def _arm(self) -> None:
        self._beat.arm(min(self._bound_by_finish.lowest(), self._free_finish_s()))

    def _free_finish_s(self) -> float:
        """When the first free flow will be through; one formula for setting the timer and for its ring."""
        if not self._level:
            return inf
        return self._looked_s + max(0.0, self._free_by_goal.lowest() - self._clock) / self._level

    def _due(self) -> list[Flow]:
        now = self.env.now
        step = ULPS * ulp(now)
        through = []
        while self._bound_by_finish.lowest() < inf and self._bound_by_finish.first().due(now):
            through.append(self._bound_by_finish.pop())
        while (ahead_s := self._free_finish_s() - now) < inf:
            if ahead_s > step and ahead_s * self._level > RELATIVE_END * self._free_by_goal.first().amount:
                break
            through.append(self._free_by_goal.pop())
        if not through:
            self._arm()
        return through


def _branch(flow: Flow) -> int:
    """The link of its path that is not the centre; the centre where there is no other."""
    return max(flow.path)

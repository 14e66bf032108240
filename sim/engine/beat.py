"""When a solver works: one solve a time stamp, after its normal events, and one wake-up timer.

SimPy cannot cancel a timer, and every leftover makes its heap slower; so a solver has one, with a generation
number, and a later wake-up is reached by waking early and looking again.
"""

from collections.abc import Callable

from simpy import Environment, Event
from simpy.events import NORMAL, EventPriority

AFTER_NORMAL = EventPriority(NORMAL + 1)


class Call(Event):
    """An event that is already triggered and calls back with itself; cheaper than a process."""

    def __init__(self, env: Environment, act: Callable[[Event], None], priority: EventPriority, delay_s: float) -> None:
        self.env = env  # as in SimPy's Timeout: the call of super().__init__ would cost a third
        self.callbacks = [act]
        self._ok = True
        self._value = None
        env.schedule(self, priority, delay_s)


class Beat:
    """Calls `solve` once a time stamp in which something changed, and `wake` when the armed time has come."""

    __slots__ = ("_armed_s", "_env", "_solve", "_solving", "_timer", "_wake")

    def __init__(self, env: Environment, *, solve: Callable[[], None], wake: Callable[[], None]) -> None:
        self._env = env
        self._solve = solve
        self._wake = wake
        self._solving = False
        self._armed_s = float("inf")
        self._timer: Event | None = None

    def changed(self) -> None:
        """Ask for a solve after the normal events of this time stamp."""
        if not self._solving:
            self._solving = True
            Call(self._env, self._on_solve, AFTER_NORMAL, 0.0)

    def arm(self, at_s: float) -> None:
        """Wake at `at_s` or earlier; inf: no need."""
        if at_s < self._armed_s:
            self._armed_s = at_s
            self._timer = Call(self._env, self._on_timer, NORMAL, max(0.0, at_s - self._env.now))

    def _on_solve(self, _event: Event) -> None:
        self._solving = False
        self._solve()

    def _on_timer(self, event: Event) -> None:
        if event is self._timer:  # an older one was overtaken
            self._timer = None
            self._armed_s = float("inf")
            self._wake()

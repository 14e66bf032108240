"""The client's priorities: background work runs only when no foreground work has run for a while.

Source: stargz-snapshotter task/task.go. A prioritised task counts until some seconds after its end; when one starts,
running background fetches are cancelled and retried later.
"""

from collections.abc import Callable, Generator
from typing import Any

from simpy import Event

from sim.model.world import World

Process = Generator[Event, Any, None]


class TaskManager:
    """One for the whole client: every layer and container of a node shares it."""

    def __init__(self, world: World, *, quiet_s: float) -> None:
        self._world = world
        self._quiet_s = quiet_s
        self._on_foreground: Callable[[], None] | None = None
        self._foreground = 0
        self._quiet_from_s = 0.0
        self._idle: Event | None = None

    def listen(self, on_foreground: Callable[[], None]) -> None:
        """Call back whenever foreground work starts."""
        self._on_foreground = on_foreground

    def begin(self) -> None:
        """Foreground work starts."""
        self._foreground += 1
        if self._on_foreground is not None:
            self._on_foreground()

    def end(self) -> None:
        """Foreground work is over; the quiet period starts."""
        self._foreground -= 1
        self._quiet_from_s = self._world.env.now + self._quiet_s
        if self._foreground == 0 and self._idle is not None:
            self._idle.succeed()
            self._idle = None

    def wait_for_quiet(self) -> Process:
        """Return once background work may start."""
        env = self._world.env
        while True:
            if self._foreground > 0:
                if self._idle is None:
                    self._idle = env.event()
                yield self._idle
            elif env.now < self._quiet_from_s:
                yield env.timeout(self._quiet_from_s - env.now)
            else:
                return

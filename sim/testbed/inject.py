"""Let a scenario's fault happen beside a running client, and undo it in time."""

import contextlib
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from sim.testbed import leftovers
from sim.testbed.fault_kinds import Fault, Site
from sim.testbed.scenarios import Moment, Scenario

POLL_S = 0.02


@dataclass(slots=True)
class Course:
    """When what happened, seconds since 1970, and what was seen of it; filled while a run goes on.

    logged: bytes in each daemon's log when the client asked.
    """

    asked: float = 0.0
    ended: float = 0.0
    happened: float | None = None
    undone: float | None = None
    seen: str = ""
    seen_after: str = ""
    logged: dict[str, int] = field(default_factory=dict)


@contextmanager
def injected(scenario: Scenario, site: Site, course: Course) -> Iterator[None]:
    """While entered, a thread waits for the scenario's moment and lets its fault happen; undone before this returns."""
    over = threading.Event()
    course.asked = time.time()
    with ThreadPoolExecutor(max_workers=1) as pool:
        thread = None if scenario.fault is None else pool.submit(_unfold, scenario.fault, scenario, site, course, over)
        try:
            yield
        finally:
            course.ended = time.time()
            over.set()
    if thread is not None:
        thread.result()


def _unfold(fault: Fault, scenario: Scenario, site: Site, course: Course, over: threading.Event) -> None:
    if not _reached(scenario.moment, site, over):
        return
    course.happened = time.time()
    course.seen = fault.happen(site)
    if scenario.undo_after_s is not None:
        time.sleep(max(0.0, course.happened + scenario.undo_after_s - time.time()))
        course.undone = time.time()
        course.seen_after = fault.undo(site)


def _reached(moment: Moment, site: Site, over: threading.Event) -> bool:
    """Wait for a moment; False if the run was over before it."""
    while moment.once == "running" and not container_runs(site.here.namespace):
        if over.wait(POLL_S):
            return False
    return not over.wait(moment.after_s)


def container_runs(namespace: str) -> bool:
    """Whether a container of a containerd namespace has a process."""
    with contextlib.suppress(OSError):  # a cgroup that ended while we looked
        return any(
            file.read_text().strip() for top in leftovers.cgroups(namespace) for file in top.glob("*/cgroup.procs")
        )
    return False

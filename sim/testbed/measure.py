"""`testbed measure`: an experiment file on the real stack, into the folders and keys that `lazypull run` fills."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from sim.core.errors import LazypullError
from sim.core.manifest import Manifest
from sim.core.result import RunTables
from sim.core.store import is_complete, rebuild_runs, run_folders, write_run
from sim.experiment.plan import Plan, Task
from sim.testbed import machine
from sim.testbed.counterpart import lacking, real_manifest
from sim.testbed.stack import Stack

SAY_NOTHING: Callable[[str], None] = lambda _text: None  # noqa: E731


@dataclass(frozen=True, slots=True)
class Outcome:
    """How many cells were measured now, were stored already, failed, or have no real counterpart."""

    folder: Path
    done: int
    stored: int
    failed: int
    impossible: int


def measure(plan: Plan, out: Path, *, testbed: str, say: Callable[[str], None] = SAY_NOTHING) -> Outcome:
    """Measure every cell that has a real counterpart, in an order shuffled by the experiment's seed.

    A testbed of this name is brought up for it and taken down after it, whatever happens. A cell whose run fails is
    stored as failed, never as a number, and the next one gets a fresh testbed: the failure may have broken this one.
    Replicates are repetitions. Raises `BadConfig` where the real stack has no such setting, `BadInput` where an image
    here is not the one that is recorded, both before anything is measured.
    """
    folder = out / plan.experiment.name
    possible = _possible(plan, say)
    wanted = {manifest.key: (task, manifest) for task, manifest in ((task, real_manifest(task)) for task in possible)}
    pending = [run for key, run in wanted.items() if not is_complete(folder, key)]
    random.Random(plan.experiment.cells[0].seed).shuffle(pending)
    failed = 0
    if pending:
        stack, host = Stack(testbed), machine.describe()
        try:
            stack.prepare(task for task, _ in pending)
            for number, (task, manifest) in enumerate(pending, start=1):
                stack.up()
                error = _store(folder, task, msgspec.structs.replace(manifest, host=host), stack)
                say(f"{number}/{len(pending)} {task.cell.workload} {task.cell.strategy.label}: {error or 'done'}")
                if error is not None:
                    failed += 1
                    stack.down()
        finally:
            stack.down()
            if run_folders(folder):
                rebuild_runs(folder)
    return Outcome(folder, len(pending) - failed, len(wanted) - len(pending), failed, len(plan.tasks) - len(possible))


def _possible(plan: Plan, say: Callable[[str], None]) -> list[Task]:
    """The tasks with a real counterpart; says once why others have none."""
    reasons = [(task, lacking(task)) for task in plan.tasks]
    for reason in dict.fromkeys(reason for _, reason in reasons if reason is not None):
        say(f"left out: {reason}")
    return [task for task, reason in reasons if reason is None]


def _store(folder: Path, task: Task, manifest: Manifest, stack: Stack) -> str | None:
    """Measure and store one cell; the error's text if it failed."""
    begin_s = time.perf_counter()
    made, error = _measured(task, stack)
    finished = msgspec.structs.replace(
        manifest,
        status="failed" if made is None else "done",
        error=error,
        counts={} if made is None else made.counts,
        measured_at=datetime.now(UTC).isoformat(timespec="seconds"),
        wall_s=time.perf_counter() - begin_s,
    )
    write_run(folder, finished, made)
    return error


def _measured(task: Task, stack: Stack) -> tuple[RunTables | None, str | None]:
    try:
        return stack.measure(task), None
    except LazypullError as failure:
        return None, str(failure)
    except Exception as failure:  # a broken node or registry raises anything; the other cells are measured all the same
        return None, f"{type(failure).__name__}: {' '.join(str(failure).split())}"

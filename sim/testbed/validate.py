"""`testbed validate`: register, measure, repeat what spreads, simulate the same cells, compare. Every step resumes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sim.core.errors import BadConfig, RunFailed
from sim.experiment.executors import Executor
from sim.experiment.load import load_experiment
from sim.experiment.plan import Plan, Task, make_plan
from sim.experiment.runner import run_plan
from sim.testbed.calibrate import CALIBRATION_INPUTS
from sim.testbed.counterpart import lacking
from sim.testbed.measure import Outcome, measure
from sim.testbed.registration import Registration, register, registration_of
from sim.testbed.repetitions import further


@dataclass(frozen=True, slots=True)
class Subject:
    """What is validated: an experiment file's plan without what cannot be scored.

    excluded: workloads left out, since constants were fitted on them.
    """

    file: Path
    overrides: tuple[str, ...]
    plan: Plan
    excluded: tuple[str, ...]


def subject(file: Path, overrides: Sequence[str]) -> Subject:
    """Plan an experiment file. Raises `BadInput`, and `BadConfig` when nothing of it can be scored."""
    plan = make_plan(load_experiment(file, overrides))
    names = tuple(dict.fromkeys(task.cell.workload for task in plan.tasks if task.cell.workload in CALIBRATION_INPUTS))
    scored = tuple(task for task in plan.tasks if task.cell.workload not in names and lacking(task) is None)
    if not scored:
        raise BadConfig(f"{file}: {_why_nothing(plan.tasks, names)}; give it other cells")
    return Subject(file, tuple(overrides), replace(plan, tasks=scored), names)


def measure_registered(
    what: Subject, out: Path, *, testbed: str, say: Callable[[str], None]
) -> tuple[Registration, list[Outcome]]:
    """Register what will be judged, then measure it, and again with more repetitions where it spreads. Root needed.

    Link by link, the fastest first: those cells are bound by the node's processors, whose speed wanders over an hour,
    so they belong next to the calibration; what is bound by a slow link can wait.
    """
    plan = what.plan
    folder = out / plan.experiment.name
    new = registration_of(plan, plan.tasks, file=what.file, overrides=what.overrides, excluded=what.excluded)
    registered = register(folder, new)
    say(_told(registered))
    outcomes = []
    for part in _by_link(plan):
        outcomes.append(measure(part, out, testbed=testbed, say=say))
        more = further(part, folder)
        if more is not None:
            say(f"the spread of some cells is above the limit: {len(more.tasks)} more repetitions in all")
            outcomes.append(measure(more, out, testbed=testbed, say=say))
    return registered, outcomes


def simulate_and_compare(what: Subject, out: Path, *, executor: Executor, say: Callable[[str], None]) -> Path:
    """Simulate the same cells beside the measured ones and write the page; returns it.

    Raises `BadInput` when nothing was measured, and `RunFailed`, the page written, when a simulated run failed.
    """
    from sim.validation.page import write_page

    outcome = run_plan(what.plan, out, executor)
    say(f"{outcome.done} runs simulated, {outcome.skipped} stored before, {len(outcome.failed)} failed")
    page = write_page(outcome.folder)
    if outcome.failed:
        raise RunFailed(
            f"{len(outcome.failed)} simulated runs failed, {page} is without them: {outcome.failed[0].error}"
        )
    return page


def _by_link(plan: Plan) -> list[Plan]:
    """The plan in parts of one link rate each, the fastest first."""
    parts: dict[float, list[Task]] = {}
    for task in plan.tasks:
        parts.setdefault(task.cell.network.resolve().rate_bytes_s, []).append(task)
    return [replace(plan, tasks=tuple(parts[rate])) for rate in sorted(parts, reverse=True)]


def _why_nothing(tasks: Sequence[Task], excluded: Sequence[str]) -> str:
    if excluded:
        return f"{', '.join(excluded)}: constants of the host were fitted on this and it is not scored"
    return next(reason for task in tasks if (reason := lacking(task)) is not None)


def _told(registered: Registration) -> str:
    before = registered.real_runs_stored_before
    return (
        f"registered {registered.registered_at}: model {registered.model_version}, host constants "
        f"{registered.host_digest}, {registered.cells} cells, {registered.replicates} repetitions"
        f"{f'; {before} runs had been measured before' if before else ''}"
    )

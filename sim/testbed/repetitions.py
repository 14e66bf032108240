"""Which measured cells spread too much, and their further repetitions."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from sim.core.manifest import read_summary
from sim.core.store import is_complete
from sim.experiment.config import Cell
from sim.experiment.plan import Plan, Task, make_plan
from sim.testbed.counterpart import real_manifest
from sim.validation.comparison import CV_AT_MOST
from sim.validation.stats import variation

AT_MOST = 10  # repetitions of a cell in all; six tell a spread to a third of itself only, ten to a quarter


def further(plan: Plan, folder: Path) -> Plan | None:
    """The plan of further repetitions, up to `AT_MOST` of each cell that needs them; None when no cell does.

    A cell needs them when the totals of its planned repetitions vary by more than `CV_AT_MOST`. Those measured
    later have no say in it: who stops as soon as the spread looks small enough has chosen the spread.
    """
    groups: dict[str, list[Task]] = {}
    for task in plan.tasks:
        groups.setdefault(task.cell.model_dump_json(exclude={"replicate"}), []).append(task)
    cells = tuple(cell for group in groups.values() if _unsteady(group, folder) for cell in _next(group))
    return make_plan(replace(plan.experiment, cells=cells)) if cells else None


def _unsteady(tasks: Sequence[Task], folder: Path) -> bool:
    manifests = [real_manifest(task) for task in tasks]
    stored = [folder / manifest.folder for manifest in manifests if is_complete(folder, manifest.key)]
    totals = [total for run in stored if (total := read_summary(run)["total_s"]) is not None]
    spread = variation(totals)
    return spread is not None and spread > CV_AT_MOST


def _next(tasks: Sequence[Task]) -> list[Cell]:
    first = 1 + max(task.cell.replicate for task in tasks)
    return [tasks[0].cell.model_copy(update={"replicate": number}) for number in range(first, AT_MOST)]

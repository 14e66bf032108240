"""Computing runs in a worker: what is sent there, what is stored from there, what comes back."""

import itertools
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from sim.core.errors import LazypullError
from sim.core.manifest import Status
from sim.core.result import RunTables
from sim.core.store import write_run
from sim.experiment.accounting import check_accounts
from sim.experiment.compose import compose
from sim.experiment.inputs import Inputs
from sim.experiment.plan import BOUND, Task
from sim.strategy import Case, Strategy, preset, simulate, what_ifs


@dataclass(frozen=True, slots=True)
class Batch:
    """Runs that share a workload and image, so that these are loaded and compiled once."""

    folder: Path
    tasks: tuple[Task, ...]


@dataclass(frozen=True, slots=True)
class Finished:
    """One run that was stored; `error` is one line when it failed."""

    key: str
    status: Status
    error: str | None = None


class Totals:
    """Total times by case, each simulated once.

    Worth a third of a sweep: all strategies of a cell share its bound, all round trips share the what-if without
    one, all rates the infinite one. Layouts and programs count by identity, so it lives as long as its `Inputs`.
    """

    def __init__(self) -> None:
        self._totals: dict[Any, float | int | None] = {}

    def total_s(self, case: Case) -> float | int | None:
        """Total of a case, simulated if it was not yet."""
        key = self._key(case)
        if key not in self._totals:
            self._totals[key] = simulate(case).summary["total_s"]
        return self._totals[key]

    def note(self, case: Case, tables: RunTables) -> None:
        """Remember a case that was simulated for its tables."""
        self._totals[self._key(case)] = tables.summary["total_s"]

    @staticmethod
    def _key(case: Case) -> Any:
        return id(case.columns), id(case.program), case.host, case.network, case.strategy, case.nodes


def run_batch(batch: Batch) -> tuple[Finished, ...]:
    """Compute and store every run of the batch; one that fails is stored as failed and the others go on."""
    inputs, totals = Inputs(), Totals()
    return tuple(_run(task, batch.folder, inputs, totals) for task in batch.tasks)


def compute(task: Task, inputs: Inputs, totals: Totals) -> RunTables:
    """One run with its clairvoyant bound and its what-ifs."""
    case = case_of(task, inputs, compose(task.cell.strategy))
    tables = simulate(case)
    check_accounts(tables)
    totals.note(case, tables)
    extra = {"clairvoyant_total_s": totals.total_s(case_of(task, inputs, preset(BOUND)))}
    if task.cell.what_ifs:
        others = what_ifs(case).items()
        extra |= {f"what_if_{name}_total_s": totals.total_s(other) for name, other in others}
    return replace(tables, summary={**tables.summary, **extra})


def case_of(task: Task, inputs: Inputs, strategy: Strategy) -> Case:
    """The simulator's input for a task under a strategy."""
    cell = task.cell
    image = inputs.image(task.workload, strategy, cell)
    return Case(
        workload=cell.workload,
        columns=image.columns,
        program=image.program,
        readiness=image.readiness,
        host=task.host,
        network=cell.network.resolve(),
        strategy=strategy,
        nodes=cell.nodes,
    )


def batches(tasks: Iterable[Task], folder: Path, at_least: int) -> list[Batch]:
    """Group by workload and image; split into about `at_least` pieces, keeping cells that share a bound together."""
    groups: dict[Any, dict[Any, list[Task]]] = defaultdict(lambda: defaultdict(list))
    for task in tasks:
        cell = task.cell
        layout = cell.layout.model_dump_json()
        bound = (layout, cell.network.model_dump_json(), cell.host, cell.replicate, cell.seed, cell.nodes)
        groups[cell.workload, cell.image.model_dump_json()][bound].append(task)
    pieces = -(-at_least // max(1, len(groups)))
    made: list[Batch] = []
    for group in groups.values():
        shared = list(group.values())
        size = -(-len(shared) // pieces)
        for start in range(0, len(shared), size):
            part = shared[start : start + size]
            made.append(Batch(folder, tuple(itertools.chain.from_iterable(part))))
    return made


def _run(task: Task, folder: Path, inputs: Inputs, totals: Totals) -> Finished:
    start_s = time.perf_counter()
    tables, error = None, None
    try:
        tables = compute(task, inputs, totals)
    except LazypullError as failure:
        error = str(failure)
    except Exception as failure:  # a defect in one run must not cost the others
        error = f"{type(failure).__name__}: {' '.join(str(failure).split())}"
    manifest = msgspec.structs.replace(
        task.manifest,
        status="done" if tables is not None else "failed",
        error=error,
        counts={} if tables is None else tables.counts,
        wall_s=time.perf_counter() - start_s,
    )
    write_run(folder, manifest, tables)
    return Finished(manifest.key, manifest.status, error)

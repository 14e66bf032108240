"""Running a plan: skip what is stored, spread the rest over an executor, keep what finished whatever happens."""

import shutil
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import msgspec

from sim.core.errors import BadInput
from sim.core.manifest import Manifest, read_manifest
from sim.core.store import is_complete, rebuild_runs, run_folders
from sim.experiment.executors import Executor
from sim.experiment.plan import Plan

if TYPE_CHECKING:
    from collections.abc import Generator

    from sim.experiment.batch import Finished

PIECES_PER_JOB = 4  # batches a worker gets: more balance the load and move the bar, fewer load inputs less often


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a plan. folder: `OUT/<experiment>`; keys: of all planned runs, in the order of the plan."""

    folder: Path
    keys: tuple[str, ...]
    skipped: int
    done: int
    failed: "tuple[Finished, ...]"


def run_plan(plan: Plan, out: Path, executor: Executor, advance: Callable[[int], Any] = lambda _runs: None) -> Outcome:
    """Run what is not stored yet below `out`; `advance` hears how many more runs are finished.

    Interrupted, it keeps what finished and rebuilds `runs.parquet`. Raises `BadInput` when `out` cannot be written.
    """
    from sim.experiment.batch import batches, run_batch

    folder = out / plan.experiment.name
    pending = [task for task in plan.tasks if not is_complete(folder, task.manifest.key)]
    skipped = len(plan.tasks) - len(pending)
    advance(skipped)
    _make(folder)
    finished: list[Finished] = []
    try:
        work = batches(pending, folder, PIECES_PER_JOB * executor.jobs)
        with closing(cast("Generator[tuple[Finished, ...]]", executor.each(run_batch, work))) as answers:
            for answer in answers:
                finished += answer
                advance(len(answer))
        _drop_superseded(folder, plan)
    finally:
        if run_folders(folder):
            rebuild_runs(folder)
    failed = tuple(run for run in finished if run.status == "failed")
    keys = tuple(task.manifest.key for task in plan.tasks)
    return Outcome(folder, keys, skipped, len(finished) - len(failed), failed)


def _drop_superseded(folder: Path, plan: Plan) -> None:
    """Remove simulated runs of a planned config that other inputs or another model gave: tables must not mix them.

    A measured run stays: another model does not make it wrong.
    """
    keys = {task.manifest.key for task in plan.tasks}
    configs = {_asked(task.manifest) for task in plan.tasks}
    for run in run_folders(folder):
        manifest = read_manifest(run)
        if manifest.source == "model" and manifest.key not in keys and _asked(manifest) in configs:
            shutil.rmtree(run)


def _asked(manifest: Manifest) -> bytes:
    config = {name: value for name, value in manifest.config.items() if name not in ("name", "claim")}
    return msgspec.json.encode(config, order="sorted")


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"{folder}: cannot write results here ({error.strerror}); pass another --out") from None

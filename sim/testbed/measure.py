"""`testbed measure`: an experiment file on the real stack, into the folders and keys that `lazypull run` fills."""

import hashlib
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from sim.catalog.workloads import recipe
from sim.core.errors import BadConfig, LazypullError
from sim.core.manifest import Manifest
from sim.core.result import RunTables
from sim.core.store import is_complete, rebuild_runs, write_run
from sim.experiment.compose import compose
from sim.experiment.inputs import Inputs
from sim.experiment.plan import Plan, Task
from sim.strategy import Strategy
from sim.strategy.strategy import BackgroundFetch, Containerd, LandmarkPrefetch, Stargz
from sim.testbed import binaries, images, link, machine, push, snapshotter, tables
from sim.testbed import up as testbeds
from sim.testbed.cold_run import Order, cold_run
from sim.testbed.link import Shape
from sim.testbed.names import Addresses, Names, names

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
    stored as failed, never as a number. Replicates are repetitions.
    """
    folder = out / plan.experiment.name
    possible = [task for task in plan.tasks if has_counterpart(compose(task.cell.strategy))]
    wanted = [(task, real_manifest(task)) for task in possible]
    pending = [(task, manifest) for task, manifest in wanted if not is_complete(folder, manifest.key)]
    random.Random(plan.experiment.cells[0].seed).shuffle(pending)
    failed = 0
    if pending:
        addresses = testbeds.up(testbed, shape=Shape(), settings=snapshotter.Settings())
        try:
            runner = _Runner(names(testbed), addresses, folder)
            for number, (task, manifest) in enumerate(pending, start=1):
                error = runner.run(task, manifest)
                failed += error is not None
                say(f"{number}/{len(pending)} {task.cell.workload} {task.cell.strategy.label}: {error or 'done'}")
        finally:
            testbeds.down(testbed)
            if folder.exists():
                rebuild_runs(folder)
    return Outcome(folder, len(pending) - failed, len(wanted) - len(pending), failed, len(plan.tasks) - len(possible))


def has_counterpart(strategy: Strategy) -> bool:
    """Whether the real stack can do this: the clairvoyant and the what-ifs cannot be built."""
    return isinstance(strategy.client, Containerd | Stargz) and isinstance(strategy.prefetch, LandmarkPrefetch | None)


def settings_of(strategy: Strategy) -> snapshotter.Settings:
    """The snapshotter's settings for a strategy. Raises `BadConfig` for what the real one has no setting for."""
    match strategy.background:
        case BackgroundFetch(quiet_s=quiet_s, max_concurrency=concurrency) if (quiet_s, concurrency) != (5.0, 2):
            raise BadConfig(
                "strategy.background: the testbed measures it as the snapshotter has it; leave its values out"
            )
    match strategy.prefetch:
        case LandmarkPrefetch(wait_at_most_s=wait_s) if wait_s != LandmarkPrefetch().wait_at_most_s:
            raise BadConfig(
                "strategy.prefetch: the testbed measures it as the snapshotter has it; leave its values out"
            )
    match strategy.client:
        case Containerd() as client if client != Containerd():
            raise BadConfig(
                "strategy: the testbed measures containerd's own downloads on an empty node; leave them out"
            )
        case Stargz(region_size=region_size):
            pass
        case _:
            region_size = snapshotter.Settings().region_size
    return snapshotter.Settings(
        prefetch=strategy.prefetch is not None, background=strategy.background is not None, region_size=region_size
    )


def real_manifest(task: Task) -> Manifest:
    """What is stored of a real run: the model's own key parts, and that it was measured, with which programs."""
    parts = {**task.manifest.key_parts, "real": {"containerd": binaries.CONTAINERD, "stargz": binaries.STARGZ}}
    return msgspec.structs.replace(
        task.manifest,
        key=hashlib.sha256(msgspec.json.encode(parts, order="sorted")).hexdigest(),
        key_parts=parts,
        source="real",
        model_version="",
        repetition=task.cell.replicate,
    )


class _Runner:
    """Measures cells on a testbed that is up; images are pushed once each."""

    def __init__(self, here: Names, addresses: Addresses, folder: Path) -> None:
        self._here, self._addresses, self._folder = here, addresses, folder
        self._programs, self._inputs, self._host = binaries.built(), Inputs(), machine.describe()
        self._pushed: dict[tuple[str, str], str] = {}

    def run(self, task: Task, manifest: Manifest) -> str | None:
        """Measure and store one cell; the error's text if it failed."""
        begin_s = time.perf_counter()
        made, error = None, None
        try:
            made = self._measure(task)
        except LazypullError as failure:
            error = str(failure)
        finished = msgspec.structs.replace(
            manifest,
            status="failed" if made is None else "done",
            error=error,
            counts={} if made is None else made.counts,
            host=self._host,
            measured_at=datetime.now(UTC).isoformat(timespec="seconds"),
            wall_s=time.perf_counter() - begin_s,
        )
        write_run(self._folder, finished, made)
        return error

    def _measure(self, task: Task) -> RunTables:
        strategy, network = compose(task.cell.strategy), task.cell.network.resolve()
        if not task.cell.image.as_recorded or task.cell.nodes != 1 or network.outages:
            raise BadConfig(
                "the testbed measures one node with the image as recorded; leave image, nodes and outages out"
            )
        lazy = isinstance(strategy.client, Stargz)
        order = Order(
            image=self._image(task.cell.workload, strategy.format),
            lazy=lazy,
            shape=Shape(rate_bytes_s=_finite(network.rate_bytes_s), rtt_s=network.rtt_s),
            settings=settings_of(strategy),
            readiness=recipe(task.cell.workload).readiness,
        )
        measured = cold_run(self._here, self._addresses, order, self._programs)
        layout = self._inputs.layout(task.workload.layouts[strategy.format])
        return tables.run_tables(measured, layout, lazy=lazy, prefetch=strategy.prefetch is not None)

    def _image(self, workload: str, layout: str) -> str:
        """The image's reference in the registry; pushed over an unshaped link when first needed."""
        key = (workload, layout)
        if key not in self._pushed:
            link.reshape(self._here, Shape())
            folder = images.oci_folder(workload, layout)
            self._pushed[key] = push.push(folder, self._addresses.registry_host, workload, layout)
        return self._pushed[key]


def _finite(rate_bytes_s: float) -> float:
    """The link's rate as a `Shape` has it, where 0 is unlimited."""
    return 0.0 if rate_bytes_s == float("inf") else rate_bytes_s

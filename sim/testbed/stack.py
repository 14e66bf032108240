"""The real stack as `measure` uses it: up, one cell after the other, down. Images are pushed when first needed."""

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from sim.catalog.workloads import recipe
from sim.core.layout import Layout
from sim.core.result import RunTables
from sim.experiment.compose import compose
from sim.experiment.estimated import is_estimated
from sim.experiment.inputs import Inputs
from sim.experiment.plan import Task
from sim.strategy import Strategy
from sim.strategy.strategy import Stargz
from sim.testbed import binaries, images, link, push, snapshotter, tables, written
from sim.testbed import up as testbeds
from sim.testbed.cold_run import Order, cold_run
from sim.testbed.counterpart import settings_of
from sim.testbed.link import Shape
from sim.testbed.names import Addresses, names
from sim.testbed.speed import Probe


@dataclass(frozen=True, slots=True)
class _Served:
    """An image as the registry has it. reference: HOST/NAME:TAG."""

    reference: str
    layout: Layout


class Stack:
    """One testbed by name, brought up by whoever measures first and taken down by `down`."""

    def __init__(self, name: str) -> None:
        self._here, self._programs, self._inputs = names(name), binaries.built(), Inputs()
        self._probe = Probe()
        self._folders: dict[tuple[str, str], tuple[Path, Layout]] = {}
        self._addresses: Addresses | None = None
        self._pushed: dict[tuple[str, str, str | None], _Served] = {}

    def prepare(self, tasks: Iterable[Task]) -> None:
        """Convert what is not converted yet. Raises `BadInput` when an image here is not the one that is recorded."""
        needed = {(task.cell.workload, _stored_format(task)): task for task in tasks}
        for (name, kind), task in needed.items():
            self._folder(name, kind, task)

    def up(self) -> None:
        """Bring the testbed up unless this object already did. Raises `BadInput` when somebody else's is there."""
        if self._addresses is None:
            self._addresses = testbeds.up(self._here.name, shape=Shape(), settings=snapshotter.Settings())

    def down(self) -> None:
        """Take down what `up` brought up, broken or not, with the images in its registry; nothing stays behind."""
        if self._addresses is not None:
            testbeds.down(self._here.name)
            self._addresses = None
            self._pushed.clear()

    def measure(self, task: Task) -> RunTables:
        """Measure one cell on a cold node; the testbed is up. Raises whatever the broken thing raises."""
        if self._addresses is None:
            raise RuntimeError("the testbed is not up")
        strategy, network = compose(task.cell.strategy), task.cell.network.resolve()
        lazy = isinstance(strategy.client, Stargz)
        served = self._served(task, strategy, self._addresses)
        order = Order(
            image=served.reference,
            lazy=lazy,
            shape=Shape(rate_bytes_s=_finite(network.rate_bytes_s), rtt_s=network.rtt_s),
            settings=settings_of(strategy),
            readiness=recipe(task.cell.workload).readiness,
        )
        speed = self._probe.seconds()
        measured = cold_run(self._here, self._addresses, order, self._programs)
        made = tables.run_tables(measured, served.layout, lazy=lazy, prefetch=strategy.prefetch is not None)
        return replace(made, counts=made.counts | speed)

    def _served(self, task: Task, strategy: Strategy, addresses: Addresses) -> _Served:
        """The cell's image in the registry; made and pushed, over an unshaped link, when first needed."""
        anew = task.cell.layout.model_dump_json() if is_estimated(strategy, task.cell.layout) else None
        key = (task.cell.workload, strategy.format, anew)
        if key not in self._pushed:
            link.reshape(self._here, Shape())
            serve = self._recorded if anew is None else self._written
            self._pushed[key] = serve(task, strategy, addresses.registry_host, f"image-{len(self._pushed)}")
        return self._pushed[key]

    def _recorded(self, task: Task, strategy: Strategy, host: str, tag: str) -> _Served:
        """The image as the catalogue has it."""
        folder, layout = self._folder(task.cell.workload, strategy.format, task)
        return _Served(push.push(folder, host, task.cell.workload, tag), layout)

    def _folder(self, name: str, kind: str, task: Task) -> tuple[Path, Layout]:
        """The OCI folder of a catalogue image, and its layout; written and checked when first asked for."""
        if (name, kind) not in self._folders:
            layout = self._inputs.layout(task.workload.layouts[kind])
            folder = images.oci_folder(name, kind)
            images.check_layers(folder, layout)
            self._folders[name, kind] = folder, layout
        return self._folders[name, kind]

    def _written(self, task: Task, strategy: Strategy, host: str, tag: str) -> _Served:
        """The image written anew as the cell's `layout:` asks."""
        name = task.cell.workload
        options = self._inputs.options(task.workload, strategy, task.cell.layout)
        with tempfile.TemporaryDirectory(prefix="lazypull-written-") as scratch:
            folder = Path(scratch) / "oci"
            layout = written.write_anew(name, options, folder)
            return _Served(push.push(folder, host, name, tag), layout)


def _stored_format(task: Task) -> str:
    """The catalogue's layout that the cell's image is, or is written from."""
    strategy = compose(task.cell.strategy)
    return "gzip" if is_estimated(strategy, task.cell.layout) else strategy.format


def _finite(rate_bytes_s: float) -> float:
    """The link's rate as a `Shape` has it, where 0 is unlimited."""
    return 0.0 if rate_bytes_s == float("inf") else rate_bytes_s

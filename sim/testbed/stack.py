"""The real stack as `measure` uses it: up, one cell after the other, down. Images are pushed when first needed."""

from sim.catalog.workloads import recipe
from sim.core.layout import Layout
from sim.core.result import RunTables
from sim.experiment.compose import compose
from sim.experiment.inputs import Inputs
from sim.experiment.plan import Task
from sim.strategy.strategy import Stargz
from sim.testbed import binaries, images, link, push, snapshotter, tables
from sim.testbed import up as testbeds
from sim.testbed.cold_run import Order, cold_run
from sim.testbed.counterpart import settings_of
from sim.testbed.link import Shape
from sim.testbed.names import Addresses, names


class Stack:
    """One testbed by name, brought up by whoever measures first and taken down by `down`."""

    def __init__(self, name: str) -> None:
        self._here, self._programs, self._inputs = names(name), binaries.built(), Inputs()
        self._addresses: Addresses | None = None
        self._pushed: dict[tuple[str, str], str] = {}

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
        layout = self._inputs.layout(task.workload.layouts[strategy.format])
        order = Order(
            image=self._image(task.cell.workload, strategy.format, layout, self._addresses),
            lazy=lazy,
            shape=Shape(rate_bytes_s=_finite(network.rate_bytes_s), rtt_s=network.rtt_s),
            settings=settings_of(strategy),
            readiness=recipe(task.cell.workload).readiness,
        )
        measured = cold_run(self._here, self._addresses, order, self._programs)
        return tables.run_tables(measured, layout, lazy=lazy, prefetch=strategy.prefetch is not None)

    def _image(self, workload: str, kind: str, layout: Layout, addresses: Addresses) -> str:
        """The image's reference in the registry; pushed over an unshaped link when first needed."""
        key = (workload, kind)
        if key not in self._pushed:
            folder = images.oci_folder(workload, kind)
            images.check_layers(folder, layout)
            link.reshape(self._here, Shape())
            self._pushed[key] = push.push(folder, addresses.registry_host, workload, kind)
        return self._pushed[key]


def _finite(rate_bytes_s: float) -> float:
    """The link's rate as a `Shape` has it, where 0 is unlimited."""
    return 0.0 if rate_bytes_s == float("inf") else rate_bytes_s

"""From cells to tasks: every name looked up, every input read and checked, before the first run starts."""

import dataclasses
import hashlib
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

import sim
from sim.catalog import Workload, workload
from sim.core.host import Host, LoadedHost, load_host
from sim.core.manifest import Manifest
from sim.experiment.compose import compose
from sim.experiment.config import Cell, LayoutConfig
from sim.experiment.draw import host_of
from sim.experiment.estimated import is_estimated, landmark_of, recording_of
from sim.experiment.inputs import Inputs
from sim.experiment.load import Experiment
from sim.experiment.version import commit, model_version, versions
from sim.strategy import Strategy, preset

BOUND = "clairvoyant"  # the preset every run is compared with


@dataclass(frozen=True, slots=True)
class Task:
    """One run, ready to be computed anywhere that sees the same files. `manifest` says what will be stored."""

    cell: Cell
    workload: Workload
    host: Host
    manifest: Manifest


@dataclass(frozen=True, slots=True)
class Plan:
    """The runs of an experiment, each key once."""

    experiment: Experiment
    tasks: tuple[Task, ...]


def make_plan(experiment: Experiment) -> Plan:
    """Resolve all cells. Raises `BadInput` for anything that does not exist, is damaged or does not fit."""
    planner = _Planner(experiment)
    tasks = {task.manifest.key: task for task in map(planner.task, experiment.cells)}
    return Plan(experiment, tuple(tasks.values()))


class _Planner:
    def __init__(self, experiment: Experiment) -> None:
        self._experiment = experiment
        self._inputs = Inputs()
        self._hosts: dict[str, LoadedHost] = {}
        self._workloads: dict[str, Workload] = {}
        self._versions, self._commit = versions(), commit()

    def task(self, cell: Cell) -> Task:
        if cell.workload not in self._workloads:
            self._workloads[cell.workload] = workload(cell.workload)
        if cell.host not in self._hosts:
            self._hosts[cell.host] = load_host(host_file(cell.host, self._experiment.folder))
        found, loaded = self._workloads[cell.workload], self._hosts[cell.host]
        parts, synthetic = self._key_parts(cell, found, loaded)
        manifest = Manifest(
            experiment=self._experiment.name,
            key=hashlib.sha256(msgspec.json.encode(parts, order="sorted")).hexdigest(),
            key_parts=parts,
            config=cell.model_dump(),
            workload=cell.workload,
            strategy=cell.strategy.label,
            replicate=cell.replicate,
            status="done",
            synthetic=synthetic,
            varied=self._experiment.varied,
            model_version=model_version(),
            versions=self._versions,
            commit=self._commit,
        )
        host = host_of(loaded, seed=cell.seed, replicate=cell.replicate)
        return Task(cell, found, host, manifest)

    def _key_parts(self, cell: Cell, found: Workload, loaded: LoadedHost) -> tuple[dict[str, Any], bool]:
        """Everything that changes the numbers, and whether any of it was made up."""
        strategy = compose(cell.strategy)
        digests, synthetic = self._inputs_of(found, strategy, cell.layout)
        bound_digests, bound_synthetic = self._inputs_of(found, preset(BOUND), cell.layout)
        if not cell.image.as_recorded:
            self._inputs.padding(found, cell.image)
            digests |= {f"padded like {name}": self._inputs.digest(found.layouts[name]) for name in ("gzip", "estargz")}
            digests["padded after"] = self._inputs.digest(found.traces["throttled"])
            synthetic = True
        parts = {
            "model": model_version(),
            "workload": cell.workload,
            "inputs": digests,
            "bound": {"inputs": bound_digests, "strategy": plain(preset(BOUND))},
            "host": loaded.digest,
            "strategy": plain(strategy),
            "network": plain(cell.network.resolve()),
            "image": {**cell.image.model_dump(), "total": cell.image.total_bytes},
            "nodes": cell.nodes,
            "seed": cell.seed,
            "replicate": cell.replicate,
            "what_ifs": cell.what_ifs,
        }
        if not cell.layout.as_recorded:
            landmark = cell.layout.model_dump()["landmark"]
            parts["layout"] = {"options": plain(cell.layout.options()), "landmark": landmark}
        return parts, synthetic or bound_synthetic

    def _inputs_of(self, found: Workload, strategy: Strategy, config: LayoutConfig) -> tuple[dict[str, str], bool]:
        inputs, trace = self._inputs, found.traces[strategy.recording]
        estimated = is_estimated(strategy, config)
        layout = found.layouts["gzip" if estimated else strategy.format]
        inputs.check_same_content(found, trace, layout)
        synthetic = inputs.layout(layout).synthetic or inputs.trace(trace).header.synthetic
        digests = {"layout": inputs.digest(layout), "trace": inputs.digest(trace)}
        if estimated:
            inputs.check_blocks(found)
            digests["blocks"] = inputs.digest(found.blocks)
            if (landmark := landmark_of(config, strategy.format)) is not None:
                digests["landmark"] = inputs.digest(recording_of(found, landmark.trace))
        return digests, synthetic


def host_file(name: str, folder: Path) -> Path:
    """Find a host: a plain name is one that ships (`hosts/<name>.json`), anything else a path from the experiment."""
    if "/" in name or name.endswith(".json"):
        return folder / name
    return Path(sim.__file__).parent.parent / "hosts" / f"{name}.json"


def plain(value: Any) -> Any:
    """Values as JSON has them, dataclasses with the name of their type, so that no two things share a key."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
        return {"type": type(value).__name__, **fields}
    if isinstance(value, dict):
        return {str(key): plain(below) for key, below in value.items()}
    if isinstance(value, list | tuple):
        return [plain(below) for below in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value

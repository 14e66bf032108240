"""What the real stack can do of an experiment: which cells, with which settings; and the key of each measured run."""

import hashlib
from dataclasses import replace
from typing import Any

import msgspec

from sim.core.errors import BadConfig
from sim.core.manifest import Manifest
from sim.core.network import Registry
from sim.experiment.compose import compose
from sim.experiment.estimated import is_estimated, landmark_of
from sim.experiment.plan import Task, plain
from sim.strategy import Strategy
from sim.strategy.strategy import BackgroundFetch, Containerd, LandmarkPrefetch, Stargz
from sim.testbed import binaries, snapshotter


def lacking(task: Task) -> str | None:
    """Why the real stack cannot do this cell, one line; None where it can.

    Raises `BadConfig` where it could, but not with these settings.
    """
    cell, network = task.cell, task.cell.network.resolve()
    strategy = compose(cell.strategy)
    if not has_counterpart(strategy):
        return f"strategy {strategy.name} cannot be built"
    if not cell.image.as_recorded or cell.nodes != 1:
        return "the testbed has one node and the image as recorded; leave image and nodes out"
    if network.outages or not _plain(network.registry):
        return "the testbed's registry is plain HTTP without limits or outages; leave these out"
    settings_of(strategy)
    return None


def _plain(registry: Registry) -> bool:
    """Plain HTTP and no limits; how long it takes to serve is the model's own matter, the real one just does."""
    return replace(registry, service_s=Registry().service_s) == Registry()


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
    prefetch = strategy.prefetch if isinstance(strategy.prefetch, LandmarkPrefetch) else None
    wait_s = (prefetch or LandmarkPrefetch()).wait_at_most_s
    if wait_s < 1 or wait_s != int(wait_s):
        raise BadConfig(f"strategy.prefetch: the snapshotter waits whole seconds, not {wait_s:g}; round wait_at_most")
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
        prefetch=prefetch is not None,
        prefetch_wait_s=int(wait_s),
        background=strategy.background is not None,
        region_size=region_size,
    )


def _written(task: Task, strategy: Strategy) -> dict[str, Any]:
    """What the image's bytes depend on where it is written anew for the cell."""
    config = task.cell.layout
    if not is_estimated(strategy, config):
        return {}
    landmark = landmark_of(config, strategy.format)
    return {
        "written": plain(config.options()),
        "landmark": None if landmark is None else landmark.model_dump(exclude={"trace"}),
        "accessed": task.manifest.key_parts["inputs"].get("landmark"),
    }


def real_manifest(task: Task) -> Manifest:
    """What is stored of a real run. Its key covers what changes the measurement, and nothing of the model.

    So a new version of the model, other constants of the host or another recording leave stored runs as they are.
    """
    network = task.cell.network.resolve()
    strategy = compose(task.cell.strategy)
    parts = {
        "real": {"containerd": binaries.CONTAINERD, "stargz": binaries.STARGZ},
        "workload": task.cell.workload,
        "layout": task.manifest.key_parts["inputs"]["layout"],
        **_written(task, strategy),
        "strategy": {
            "name": strategy.name,
            "format": strategy.format,
            "lazy": isinstance(strategy.client, Stargz),
            "settings": plain(settings_of(strategy)),
        },
        "network": {"rate_bytes_s": plain(network.rate_bytes_s), "rtt_s": network.rtt_s},
        "seed": task.cell.seed,
        "replicate": task.cell.replicate,
    }
    return msgspec.structs.replace(
        task.manifest,
        key=hashlib.sha256(msgspec.json.encode(parts, order="sorted")).hexdigest(),
        key_parts=parts,
        source="real",
        model_version="",
        repetition=task.cell.replicate,
    )

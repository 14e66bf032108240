"""One run from Python, without a result folder."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa

from sim.core.errors import BadConfig
from sim.core.manifest import Manifest, Summary
from sim.core.store import full_summary
from sim.experiment.batch import Totals, compute
from sim.experiment.inputs import Inputs
from sim.experiment.load import load_experiment, make_experiment
from sim.experiment.plan import make_plan


@dataclass(frozen=True)
class Result:
    """One run: the same manifest, summary and tables that `lazypull run` stores (docs/results.md)."""

    manifest: Manifest
    summary: Summary
    spans: pa.Table
    requests: pa.Table
    steps: pa.Table


def run(config: Path | str | Mapping[str, Any]) -> Result:
    """Compute one run. config: an experiment file or what one holds, without a matrix; `name` may be left out.

    Raises `BadInput` for what is wrong in it, `BadConfig` when it asks for several runs.
    """
    if isinstance(config, Mapping):
        experiment = make_experiment({"name": "run", **config}, Path("config"))
    else:
        experiment = load_experiment(Path(config))
    tasks = make_plan(experiment).tasks
    if len(tasks) != 1:
        raise BadConfig(f"{config}: asks for {len(tasks)} runs; use `lazypull run`, or leave out matrix and replicates")
    tables = compute(tasks[0], Inputs(), Totals())
    manifest = msgspec.structs.replace(tasks[0].manifest, counts=tables.counts)
    return Result(manifest, full_summary(tables), tables.spans, tables.requests, tables.steps)

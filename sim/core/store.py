"""The result store: one folder a run, complete as soon as it exists, and one table over all runs beside them."""

import math
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from sim.core.errors import BadBundle, BadInput
from sim.core.folder import new_folder
from sim.core.manifest import (
    FOLDER_KEY_LENGTH,
    MANIFEST_FILE,
    SUMMARY_FILE,
    SUMMARY_KEYS,
    Manifest,
    Summary,
    read_manifest,
    read_summary,
)
from sim.core.result import REQUESTS_SCHEMA, SPANS_SCHEMA, STEPS_SCHEMA, RunTables
from sim.core.units import parse_duration, parse_rate, parse_size

if TYPE_CHECKING:
    import pandas as pd

RUNS_FILE = "runs.parquet"
RATE_COLUMN, RTT_COLUMN, SIZE_COLUMN = "network.rate_bytes_s", "network.rtt_s", "image.total_bytes"
TABLE_SCHEMAS = {"spans": SPANS_SCHEMA, "requests": REQUESTS_SCHEMA, "steps": STEPS_SCHEMA}
_OWN_COLUMNS = frozenset({"name", "claim", "workload", "strategy", "replicate", "image.total"})


@dataclass(frozen=True)
class StoredRun:
    """One run's folder; its tables are read when they are asked for."""

    path: Path
    manifest: Manifest
    summary: Summary

    @cached_property
    def spans(self) -> pa.Table:
        """Table with `SPANS_SCHEMA`."""
        return self._table("spans")

    @cached_property
    def requests(self) -> pa.Table:
        """Table with `REQUESTS_SCHEMA`."""
        return self._table("requests")

    @cached_property
    def steps(self) -> pa.Table:
        """Table with `STEPS_SCHEMA`."""
        return self._table("steps")

    def _table(self, name: str) -> pa.Table:
        file = self.path / f"{name}.parquet"
        try:
            return pq.ParquetFile(file).read()
        except (OSError, pa.ArrowException) as error:
            reason = str(error).splitlines()[0]
            raise BadBundle(f"{file}: cannot read table ({reason}); delete the folder and run it again") from None


def write_run(experiment_dir: Path, manifest: Manifest, tables: RunTables | None) -> Path:
    """Store a run under a temporary name, then rename it into place; returns its folder.

    tables: None for a failed run, which then has a manifest and nothing else. A run of the same key is replaced.
    """
    target = experiment_dir / manifest.folder
    with new_folder(target) as work:
        (work / MANIFEST_FILE).write_bytes(_json(msgspec.to_builtins(manifest)))
        if tables is not None:
            (work / SUMMARY_FILE).write_bytes(_json(full_summary(tables)))
            for name, schema in TABLE_SCHEMAS.items():
                table: pa.Table = getattr(tables, name)
                pq.write_table(table.cast(schema), work / f"{name}.parquet", compression="zstd", compression_level=1)
    return target


def full_summary(tables: RunTables) -> Summary:
    """Every key of `SUMMARY_KEYS`, None where the run did not set it. Raises `ValueError` on an unknown key."""
    given: Summary = {**tables.summary, **{f"share_{kind}_s": share for kind, share in tables.shares.items()}}
    unknown = sorted(given.keys() - set(SUMMARY_KEYS))
    if unknown:
        raise ValueError(f"summary has unknown keys {unknown}")
    broken = sorted(key for key, value in given.items() if value is not None and not math.isfinite(value))
    if broken:
        raise ValueError(f"summary values {broken} are not finite")
    return {key: given.get(key) for key in SUMMARY_KEYS}


def is_complete(experiment_dir: Path, key: str) -> bool:
    """Tell whether a run of this key is stored and done; a failed or damaged one is not and will be replaced."""
    try:
        manifest = read_manifest(experiment_dir / key[:FOLDER_KEY_LENGTH])
    except BadBundle:
        return False
    return manifest.key == key and manifest.status == "done"


def load_run(path: Path | str) -> StoredRun:
    """One run's folder. Raises `BadBundle`; a failed run has an empty summary and no tables."""
    run = Path(path)
    manifest = read_manifest(run)
    return StoredRun(run, manifest, read_summary(run) if manifest.status == "done" else {})


def load_results(path: Path | str) -> "pd.DataFrame":
    """One row a run: from a folder of experiments, an experiment's folder or one run's folder.

    Read from the manifests, so it is never stale. Columns: docs/results.md, "runs".
    """
    frame: pd.DataFrame = _sorted(runs_table(_run_folders(Path(path)))).to_pandas()
    return frame


def rebuild_runs(experiment_dir: Path) -> Path:
    """Write `runs.parquet` from the manifests beside it; returns its path."""
    file = experiment_dir / RUNS_FILE
    temporary = experiment_dir / f".{RUNS_FILE}.{os.getpid()}"
    pq.write_table(_sorted(runs_table(_run_folders(experiment_dir))), temporary, compression="zstd")
    temporary.rename(file)
    return file


def runs_table(runs: Iterable[Path]) -> pa.Table:
    """One row a run, in the order given; columns: docs/results.md, "runs"."""
    stored = [load_run(run) for run in runs]
    flat = [dict(_flatten(run.manifest.config)) for run in stored]
    varied = _varied(stored, flat)
    rows = [_row(run, values, varied) for run, values in zip(stored, flat, strict=True)]
    names = list(rows[0]) if rows else []
    return pa.table({name: _column([row[name] for row in rows]) for name in names})


def _sorted(runs: pa.Table) -> pa.Table:
    keys = ("experiment", "workload", "strategy", RATE_COLUMN, RTT_COLUMN, "replicate", "run")
    return runs.sort_by([(key, "ascending") for key in keys])


def run_folders(experiment_dir: Path) -> list[Path]:
    """The folders of an experiment's stored runs, failed ones too, without those that are being written."""
    return _with_manifest(experiment_dir, f"*/{MANIFEST_FILE}")


def _with_manifest(path: Path, pattern: str) -> list[Path]:
    return sorted(file.parent for file in path.glob(pattern) if not file.parent.name.startswith("."))


def _run_folders(path: Path) -> list[Path]:
    if (path / MANIFEST_FILE).is_file():
        return [path]
    found = run_folders(path) or _with_manifest(path, f"*/*/{MANIFEST_FILE}")
    if found:
        return found
    raise BadInput(f"{path}: no results here; pass a folder that `lazypull run` wrote")


def _row(run: StoredRun, flat: dict[str, Any], varied: list[str]) -> dict[str, Any]:
    manifest = run.manifest
    return {
        "experiment": manifest.experiment,
        "run": run.path.name,
        "workload": manifest.workload,
        "strategy": manifest.strategy,
        "replicate": manifest.replicate,
        "source": manifest.source,
        "status": manifest.status,
        "synthetic": manifest.synthetic,
        **{path: flat.get(path) for path in varied},
        RATE_COLUMN: _number(flat.get("network.rate"), parse_rate),
        RTT_COLUMN: _number(flat.get("network.rtt"), parse_duration),
        SIZE_COLUMN: _number(flat.get("image.total"), _size_bytes),
        **{key: run.summary.get(key) for key in SUMMARY_KEYS},
    }


def _number(written: Any, parse: Callable[[Any], float]) -> float | None:
    return None if written is None else parse(written)


def _size_bytes(written: Any) -> float:
    return float(written) if isinstance(written, int | float) else parse_size(written)


def _varied(stored: list[StoredRun], flat: list[dict[str, Any]]) -> list[str]:
    """Paths a matrix declares, and all others whose values differ between the runs at hand."""
    declared = {path for run in stored for path in run.manifest.varied}
    every = {path for values in flat for path in values}
    differ = {path for path in every if len({repr(values.get(path)) for values in flat}) > 1}
    return sorted(((declared & every) | differ) - _OWN_COLUMNS)


def _flatten(config: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in config.items():
        if isinstance(value, dict):
            yield from _flatten(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", msgspec.json.encode(value).decode() if isinstance(value, list) else value


def _column(values: list[Any]) -> pa.Array:
    """Make a column of the narrowest common type; text where the values mix."""
    if any(isinstance(value, str) for value in values):
        return pa.array([None if value is None else str(value) for value in values], pa.string())
    if any(isinstance(value, float) for value in values):
        return pa.array([None if value is None else float(value) for value in values], pa.float64())
    return pa.array(values, pa.float64() if all(value is None for value in values) else None)


def _json(value: Any) -> bytes:
    """Sorted keys, shortest round-trip floats: same values, same bytes."""
    return msgspec.json.format(msgspec.json.encode(value, order="sorted"), indent=1) + b"\n"

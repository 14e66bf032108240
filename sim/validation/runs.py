"""The runs of both sources in one results folder, one row each, with what they asked of the registry."""

import re
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sim.core.errors import BadInput
from sim.core.store import StoredRun, load_run, run_folders
from sim.validation.cell import Cell, cell_of, order

MEASURED, SIMULATED = "real", "model"  # of the manifest
QUANTITIES: tuple[str, ...] = ("pull", "create", "start", "ready", "total")
NO_LAYER = frozenset({"manifest", "config", "token"})  # causes of requests that are for no layer
Asked = tuple[str, tuple[tuple[int, int], ...]]  # a blob and the byte ranges of it; none for the whole or a HEAD
_PATH = re.compile(r"(?<![\w:/.])/[\w.+-]+(?:/[\w.+-]*)+")


class RunRow(Cell, frozen=True, kw_only=True):
    """One run as it is committed. Seconds and bytes; None where the run failed.

    fetched_bytes: bodies until ready as the run's summary has it: of a request under way then, the model counts what
    has arrived and the registry's log nothing.
    log_bytes, requests: over all requests that were *answered* by ready, on both sides. An answer that was given up
    counts with what the registry's socket had taken: the log knows no other, the model adds what was under way.
    """

    source: str
    replicate: int
    status: str
    synthetic: bool
    pull_s: float | None = None
    create_s: float | None = None
    start_s: float | None = None
    ready_s: float | None = None
    total_s: float | None = None
    fetched_bytes: int | None = None
    log_bytes: int | None = None
    requests: int | None = None
    measured_at: str | None = None
    run: str = ""
    error: str | None = None

    @property
    def done(self) -> bool:
        """Whether it has numbers."""
        return self.status == "done"


@dataclass(frozen=True, slots=True)
class Run:
    """A run's row, its folder's content, and the multiset of its layer requests that were answered by ready."""

    row: RunRow
    stored: StoredRun
    asked: Counter[Asked]


def read_runs(folder: Path) -> list[Run]:
    """All runs of one experiment, by cell, source and replicate. Raises `BadInput` when there are none."""
    places = run_folders(folder)
    if not places:
        raise BadInput(f"{folder}: no runs here; pass the folder of one experiment, as `testbed validate` fills it")
    runs = [_run(load_run(place)) for place in places]
    return sorted(runs, key=lambda run: (order(run.row), run.row.source, run.row.replicate, run.row.run))


def by_cell(runs: Iterable[Run], planned: Collection[str] = ()) -> dict[Cell, list[Run]]:
    """Runs by cell, in the order of the runs.

    A cell that was only simulated has no counterpart and is left out, unless its title is among the planned ones.
    """
    groups: dict[Cell, list[Run]] = {}
    for run in runs:
        groups.setdefault(run.row.cell, []).append(run)
    return {
        cell: group
        for cell, group in groups.items()
        if cell.title in planned or any(run.row.source == MEASURED for run in group)
    }


def done(runs: Iterable[Run], source: str) -> list[Run]:
    """Those of one source that have numbers."""
    return [run for run in runs if run.row.source == source and run.row.done]


def _run(stored: StoredRun) -> Run:
    manifest, summary = stored.manifest, stored.summary
    asked, log_bytes, requests = Counter[Asked](), None, None
    if manifest.status == "done":
        asked, log_bytes, requests = _log(stored)
    seconds: dict[str, Any] = {f"{name}_s": summary.get(f"{name}_s") for name in QUANTITIES}
    row = RunRow(
        **cell_of(manifest).key,
        source=manifest.source,
        replicate=manifest.replicate,
        status=manifest.status,
        synthetic=manifest.synthetic,
        **seconds,
        fetched_bytes=_whole(summary.get("fetched_bytes")),
        log_bytes=log_bytes,
        requests=requests,
        measured_at=manifest.measured_at,
        run=stored.path.name,
        error=_without_paths(manifest.error),
    )
    return Run(row, stored, asked)


def _log(stored: StoredRun) -> tuple[Counter[Asked], int, int]:
    """Layer requests, bytes and number of all requests, of those that were answered by ready."""
    total_s = stored.summary["total_s"] or 0.0
    window = _window_bytes(stored)
    columns = stored.requests.select(["end_s", "blob", "ranges", "bytes", "cause"])
    asked, log_bytes, requests = Counter[Asked](), 0, 0
    rows = zip(*(column.to_pylist() for column in columns.columns), strict=True)
    for end_s, blob, ranges, size, cause in rows:
        if end_s > total_s:
            continue
        requests += 1
        log_bytes += size + _under_way(size, ranges or (), window)
        if cause not in NO_LAYER:
            asked[blob, tuple((first, last) for first, last in ranges or ())] += 1
    return asked, log_bytes, requests


def _under_way(size: int, ranges: Iterable[tuple[int, int]], window: int) -> int:
    """Bytes of an answer that was cut off after `size` which the sender's kernel had taken: at most its window.

    None of an answer without a body: that was refused, or never began.
    """
    wanted = sum(last + 1 - first for first, last in ranges)
    return min(window, max(0, wanted - size)) if size else 0


def _window_bytes(stored: StoredRun) -> int:
    """What the registry's kernel takes of an answer before it is on the wire; 0 of a measured run, whose log has it."""
    if stored.manifest.source == MEASURED:
        return 0
    window: int = stored.manifest.key_parts["network"]["registry"]["window_bytes"]
    return window


def _whole(value: float | None) -> int | None:
    return None if value is None else round(value)


def _without_paths(error: str | None) -> str | None:
    """An error's text with no path of the machine it happened on: rows are committed."""
    return None if error is None else _PATH.sub("…", error)

"""`Comparison`: the rows of a validation, as they are computed, committed, drawn and written about."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sim.validation.cell import Cell
from sim.validation.runs import RunRow

CV_AT_MOST = 0.05  # of the measured total; above it a cell is unresolved
RUNS_AT_LEAST = 3  # measured runs of a cell; below it the spread is not known
ERROR_WITHIN = 0.12  # of the measured total: what the 95th percentile must not exceed
MEDIAN_WITHIN = 0.04
BYTES_WITHIN = 0.01

RESOLVED, UNRESOLVED, FAILED = "resolved", "unresolved", "failed"


class CellRow(Cell, frozen=True, kw_only=True):
    """One phase, or the total, of one cell: medians of both sources, their difference and both spreads.

    status: of the cell. note: why it is not resolved.
    error: simulated ÷ measured − 1; difference_s: simulated − measured; share: that ÷ the measured *total*, since a
    phase of a few milliseconds may be half off and not matter.
    cv: sample standard deviation ÷ mean; min and max over the runs of that source.
    """

    quantity: str
    status: str
    measured_runs: int
    failed_runs: int
    simulated_runs: int
    measured_s: float | None = None
    simulated_s: float | None = None
    error: float | None = None
    difference_s: float | None = None
    share: float | None = None
    measured_cv: float | None = None
    measured_min_s: float | None = None
    measured_max_s: float | None = None
    simulated_cv: float | None = None
    simulated_min_s: float | None = None
    simulated_max_s: float | None = None
    note: str | None = None

    @property
    def resolved(self) -> bool:
        """Whether the cell counts with its error, not as missed."""
        return self.status == RESOLVED


class RequestsRow(Cell, frozen=True, kw_only=True):
    """One cell's bytes and layer requests, both sources; medians over the runs.

    fetched: bodies until ready as the summaries have them. log: bodies of the requests that were answered by ready.
    difference: of two logs, the fewest requests to add, drop or replace to turn one into the other.
    model: between each simulated and each measured run; real: between each two measured ones.
    missing, extra: requests that only the measured, only the simulated run has, of the pair with the median difference.
    rule: what the model's difference must be; verdict: whether it is.
    """

    fetched_measured_bytes: int | None = None
    fetched_simulated_bytes: int | None = None
    fetched_error: float | None = None
    log_measured_bytes: int | None = None
    log_simulated_bytes: int | None = None
    log_error: float | None = None
    bytes_verdict: str = "undecided"
    requests_measured: int | None = None
    requests_simulated: int | None = None
    model_min: int | None = None
    model_median: int | None = None
    model_max: int | None = None
    real_max: int | None = None
    missing: int | None = None
    extra: int | None = None
    rule: str = ""
    verdict: str = "undecided"


class PairRow(Cell, frozen=True, kw_only=True):
    """Two presets of one workload over one network: `strategy` is measured to be sooner than `later`.

    measured_s, simulated_s: median total of `later` − median total of `strategy`.
    spread_s: of the measured difference, the sum of both ranges (largest − smallest run); less is undecided.
    """

    later: str
    measured_s: float
    spread_s: float
    simulated_s: float
    verdict: str


class ResidueRow(Cell, frozen=True, kw_only=True):
    """One kind of span, request or gap of one cell, medians over the runs: where model and reality part.

    level, kind: `sim.validation.residue` defines them. difference_s: simulated − measured.
    largest: no other kind of its level differs by more seconds.
    """

    level: str
    kind: str
    measured_s: float
    simulated_s: float
    difference_s: float
    largest: bool


class DriftRow(Cell, frozen=True, kw_only=True):
    """One cell measured twice, hours apart: medians and ranges of the total, when each series began.

    drift: later ÷ first − 1, of the medians. apart: whether the two ranges do not touch.
    """

    first_runs: int
    first_s: float
    first_min_s: float
    first_max_s: float
    first_at: str
    later_runs: int
    later_s: float
    later_min_s: float
    later_max_s: float
    later_at: str
    drift: float
    apart: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """All that is known of one validation.

    registration: what was written down before measuring; empty when nothing was. earlier: those it took the place of,
    by file name.
    provenance: facts by name, of the runs' manifests.
    """

    experiment: str
    registration: Mapping[str, Any]
    provenance: Mapping[str, str]
    earlier: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    runs: tuple[RunRow, ...] = ()
    cells: tuple[CellRow, ...] = ()
    requests: tuple[RequestsRow, ...] = ()
    ranking: tuple[PairRow, ...] = ()
    residue: tuple[ResidueRow, ...] = ()
    drift: tuple[DriftRow, ...] = ()

    @property
    def synthetic(self) -> bool:
        """Whether any input of any run was made up."""
        return any(run.synthetic for run in self.runs)

    def of(self, quantity: str) -> list[CellRow]:
        """The cells' rows of one phase or the total."""
        return [row for row in self.cells if row.quantity == quantity]

"""What a validation has to show, what was found, and whether it holds."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sim.validation.comparison import BYTES_WITHIN, ERROR_WITHIN, MEDIAN_WITHIN, Comparison
from sim.validation.overall import overall
from sim.validation.requests import AS_REAL, EQUAL, RIGHT, UNDECIDED, WRONG
from sim.validation.words import percent

CELLS_AT_LEAST = 60
_LAZY = frozenset({"lazy", "prefetch"})


@dataclass(frozen=True, slots=True)
class Finding:
    """One requirement. holds: None where the data do not decide it."""

    what: str
    required: str
    found: str
    holds: bool | None

    @property
    def verdict(self) -> str:
        """In one word."""
        return {True: "yes", False: "no", None: "undecided"}[self.holds]


def findings(comparison: Comparison) -> list[Finding]:
    """All requirements, in the order of their weight."""
    total = next(row for row in overall(comparison.cells) if row.quantity == "total")
    return [
        Finding("cells", f"at least {CELLS_AT_LEAST}", _cells(comparison), total.cells >= CELLS_AT_LEAST),
        _quantile("total time, median error", MEDIAN_WITHIN, total.median, total.resolved_median),
        _quantile("total time, 95th percentile of the error", ERROR_WITHIN, total.p95, total.resolved_p95),
        _requests(comparison, EQUAL, "requests of serial workloads (lazy, prefetch)"),
        _requests(comparison, AS_REAL, "requests of parallel workloads (lazy, prefetch)"),
        _counted(
            "bytes of all cells",
            f"within {100 * BYTES_WITHIN:g} %",
            [row.bytes_verdict for row in comparison.requests],
        ),
        _counted("order of presets", "as measured", [row.verdict for row in comparison.ranking]),
    ]


def _cells(comparison: Comparison) -> str:
    totals = comparison.of("total")
    missed = sum(not row.resolved for row in totals)
    return f"{len(totals)}, of which {missed} missed"


def _quantile(what: str, limit: float, value: float | None, resolved: float | None) -> Finding:
    found = "–" if value is None else percent(value, sign=False)
    if value == float("inf"):
        found = "missed" if resolved is None else f"missed; {percent(resolved, sign=False)} over the resolved cells"
    holds = None if value is None else value <= limit
    return Finding(what, f"at most {100 * limit:g} %", found, holds)


def _requests(comparison: Comparison, rule: str, what: str) -> Finding:
    rows = [row for row in comparison.requests if row.rule == rule and row.strategy in _LAZY]
    return _counted(what, rule, [row.verdict for row in rows])


def _counted(what: str, required: str, verdicts: Sequence[str]) -> Finding:
    right, wrong, undecided = (_count(verdicts, name) for name in (RIGHT, WRONG, UNDECIDED))
    found = f"{right} right, {wrong} wrong" + (f", {undecided} undecided" if undecided else "")
    holds = False if wrong else True if right else None
    return Finding(what, required, found, holds)


def _count(verdicts: Iterable[str], name: str) -> int:
    return sum(verdict == name for verdict in verdicts)

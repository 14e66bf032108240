"""What must add up in every run, checked before it is stored."""

import math

from sim.core.errors import RunFailed
from sim.core.result import RunTables

PHASES = ("pull_s", "create_s", "start_s", "ready_s")
_TOLERANCE = 1e-9  # sums of floats; nothing else may differ


def check_accounts(tables: RunTables) -> None:
    """Raise `RunFailed` unless the phases and the shares each add up to the total."""
    summary = tables.summary
    total_s = float(summary["total_s"] or 0.0)
    _equal("phases", sum(float(summary[name] or 0.0) for name in PHASES), total_s)
    if tables.shares:
        _equal("shares", sum(tables.shares.values()), total_s)


def _equal(what: str, found: float, expected: float) -> None:
    if not math.isclose(found, expected, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE):
        raise RunFailed(f"{what} add up to {found!r}, not to {expected!r}; this is a defect, please report the config")

"""What must add up in every run, checked before it is stored."""

import math

from sim.core.errors import RunFailed
from sim.core.result import RunTables

PHASES = ("pull_s", "create_s", "start_s", "ready_s")
_DEFECT = "this is a defect, please report the config"
_TOLERANCE = 1e-9  # sums of floats; nothing else may differ


def check_accounts(tables: RunTables) -> None:
    """Raise `RunFailed` unless phases and shares add up to the total, and bytes to the byte.

    Bytes: Σ request bodies = bodies that crossed the registry's link = unique + fetched again.
    """
    summary = tables.summary
    total_s = float(summary["total_s"] or 0.0)
    _equal("phases", sum(float(summary[name] or 0.0) for name in PHASES), total_s)
    if tables.shares:
        _equal("shares", sum(tables.shares.values()), total_s)
    if "body_bytes" in tables.counts:
        _check_bytes(tables)


def _check_bytes(tables: RunTables) -> None:
    counts, summary = tables.counts, tables.summary
    bodies = counts["body_bytes"]
    _equal("bytes over the registry's link", counts["link_body_bytes"], bodies)
    _equal("request bodies", bodies + counts["background_rest_bytes"], int(summary["fetched_at_end_bytes"] or 0))
    for what, unique, fetched in (
        ("until ready", int(summary["unique_bytes"] or 0), int(summary["fetched_bytes"] or 0)),
        ("at the end", counts["unique_bytes_at_end"], bodies),
    ):
        if not 0 <= unique <= fetched:
            raise RunFailed(f"{what} {unique} unique bytes came in {fetched} bytes of bodies; {_DEFECT}")


def _equal(what: str, found: float, expected: float) -> None:
    if isinstance(found, int) and found != expected:
        raise RunFailed(f"{what}: {found}, not {expected}; {_DEFECT}")
    if not math.isclose(found, expected, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE):
        raise RunFailed(f"{what} add up to {found!r}, not to {expected!r}; {_DEFECT}")

"""The request logs of both sources against each other, cell by cell. Pure.

Compared are the requests for layers, as (blob, byte ranges), that were *answered* by ready: the registry logs a request
when it ends and a run's log is closed at ready, while the model goes on to the end of its recording. An answer ends for
the registry when its last byte is with the kernel, for the model when it is with the client.
"""

import itertools
from collections import Counter
from collections.abc import Sequence
from typing import Any

from sim.validation.cell import Cell
from sim.validation.comparison import BYTES_WITHIN, RequestsRow
from sim.validation.runs import MEASURED, SIMULATED, Asked, Run, done
from sim.validation.stats import median, relative

# No read of one thread overlaps a read of another before ready in traces/NAME/cold-5ms.trace; the others' do.
# tests/validation/test_requests.py holds it against the traces.
SERIAL_WORKLOADS = frozenset({"numpy", "web"})
WHOLE = "full"  # asks for each layer once, whatever the workload reads
BACKGROUND = "background"  # how far it has come at ready is a question of time
EQUAL, AS_REAL, NO_RULE = "equal", "not farther than real runs from each other", "reported only"
RIGHT, WRONG, UNDECIDED = "right", "wrong", "undecided"


def difference(one: Counter[Asked], other: Counter[Asked]) -> tuple[int, int]:
    """Requests that only `one` has, and that only `other` has, as multisets.

    The larger of the two is how many must be added, dropped or replaced to turn one log into the other.
    """
    return (one - other).total(), (other - one).total()


def requests_row(cell: Cell, runs: Sequence[Run]) -> RequestsRow:
    """Bytes and requests of one cell, all its runs given."""
    measured, simulated = done(runs, MEASURED), done(runs, SIMULATED)
    fetched, log = _bytes("fetched", measured, simulated), _bytes("log", measured, simulated)
    return RequestsRow(
        **cell.key,
        **fetched,
        **log,
        bytes_verdict=_within(log["log_error"]),
        requests_measured=_middle([run.row.requests for run in measured]),
        requests_simulated=_middle([run.row.requests for run in simulated]),
        **_differences(cell, measured, simulated),
    )


def rule_of(cell: Cell) -> str:
    """What must hold between the model's log and a real one."""
    if cell.strategy == BACKGROUND:
        return NO_RULE
    return EQUAL if cell.strategy == WHOLE or cell.workload in SERIAL_WORKLOADS else AS_REAL


def judge(rule: str, model: Sequence[int], real: Sequence[int]) -> str:
    """The verdict over the differences between model and real runs, and of real runs among themselves.

    Where logs must be equal, every pair must. Else the median distance between model and reality (of an even number
    the larger middle one) may not exceed the largest between two real runs: were the model one more real run, it would
    hold.
    """
    if rule == NO_RULE:
        return NO_RULE
    if not model or (rule == AS_REAL and not real):
        return UNDECIDED
    holds = max(model) == 0 if rule == EQUAL else sorted(model)[len(model) // 2] <= max(real)
    return RIGHT if holds else WRONG


def _differences(cell: Cell, measured: Sequence[Run], simulated: Sequence[Run]) -> dict[str, Any]:
    rule = rule_of(cell)
    pairs = [difference(real.asked, run.asked) for run in simulated for real in measured]
    real = [max(difference(one.asked, other.asked)) for one, other in itertools.combinations(measured, 2)]
    model = [max(pair) for pair in pairs]
    missing, extra = sorted(pairs, key=max)[len(pairs) // 2] if pairs else (None, None)
    return {
        "model_min": min(model, default=None),
        "model_median": None if missing is None or extra is None else max(missing, extra),
        "model_max": max(model, default=None),
        "real_max": max(real, default=None),
        "missing": missing,
        "extra": extra,
        "rule": rule,
        "verdict": judge(rule, model, real),
    }


def _bytes(name: str, measured: Sequence[Run], simulated: Sequence[Run]) -> dict[str, Any]:
    real = _middle([getattr(run.row, f"{name}_bytes") for run in measured])
    model = _middle([getattr(run.row, f"{name}_bytes") for run in simulated])
    return {f"{name}_measured_bytes": real, f"{name}_simulated_bytes": model, f"{name}_error": relative(model, real)}


def _within(error: float | None) -> str:
    if error is None:
        return UNDECIDED
    return RIGHT if abs(error) <= BYTES_WITHIN else WRONG


def _middle(values: Sequence[int | None]) -> int | None:
    """The middle of the values there are, of an even number the smaller one's and the larger one's mean, whole."""
    middle = median([value for value in values if value is not None])
    return None if middle is None else round(middle)

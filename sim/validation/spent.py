"""What the seconds of one run went into, by several ways of cutting it, measured and simulated alike."""

import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise

from sim.core.store import StoredRun

PHASE, AFTER, SPAN, START, GAP, DURATION = "phase", "after", "span", "start", "gap", "duration"
LEVELS: dict[str, str] = {
    PHASE: "the four phases; they add up to the total",
    AFTER: "each phase cut where requests start, booked to the cause of the last one; these too add up to the total",
    SPAN: "time in which at least one span of that kind is open, and when the last one closes",
    START: "per cause, when its first and its last request start",
    GAP: "per cause, the median time from the start of a request to the start of the next of any cause",
    DURATION: "per cause, the sum and the median of what the logs call a request's time; not to be compared: the "
    "registry's ends when it has handed the last byte to its kernel, the model's when the client has it",
}
COMPARABLE = frozenset(LEVELS) - {DURATION}
_PHASES = ("pull", "create", "start", "ready")
_NOT_REAL = frozenset({*_PHASES, "stall"})  # what the model's client waited for is not seen from outside
Interval = tuple[float, float]
Kind = tuple[str, str]  # level and kind
Request = tuple[float, float, str]  # start, end, cause


def spent(run: StoredRun) -> dict[Kind, float]:
    """Seconds by level and kind, until ready. Kinds that a run has nothing of are missing."""
    phases = _phases(run)
    total_s = phases["ready"][1]
    columns = run.requests.select(["start_s", "end_s", "cause"]).to_pydict()
    rows = sorted(row for row in zip(*columns.values(), strict=True) if row[0] < total_s)
    requests = [(start_s, min(end_s, total_s), str(cause)) for start_s, end_s, cause in rows]
    return {
        **{(PHASE, name): end_s - start_s for name, (start_s, end_s) in phases.items()},
        **_after(phases, requests),
        **_spans(run, total_s),
        **_starts(requests),
        **_gaps(requests, total_s),
        **_durations(requests),
    }


def covered(intervals: Iterable[Interval], within: Interval) -> float:
    """Seconds of `within` that at least one interval covers."""
    reached, total = within[0], 0.0
    for start_s, end_s in sorted(intervals):
        begin_s, finish_s = max(start_s, reached), min(end_s, within[1])
        if finish_s > begin_s:
            total += finish_s - begin_s
            reached = finish_s
    return total


def _phases(run: StoredRun) -> dict[str, Interval]:
    found, start_s = {}, 0.0
    for name in _PHASES:
        end_s = start_s + float(run.summary[f"{name}_s"] or 0.0)
        found[name] = (start_s, end_s)
        start_s = end_s
    return found


def _after(phases: dict[str, Interval], requests: Sequence[Request]) -> dict[Kind, float]:
    """Cut at the starts of requests and the ends of phases; a piece belongs to its phase and the last cause before."""
    last_s = phases["ready"][1]
    starts = [(0.0, "nothing"), *((max(start_s, 0.0), cause) for start_s, _, cause in requests), (last_s, "")]
    sums: defaultdict[Kind, float] = defaultdict(float)
    for (start_s, cause), (next_s, _) in pairwise(starts):
        for name, (begin_s, finish_s) in phases.items():
            piece_s = min(next_s, finish_s) - max(start_s, begin_s)
            if piece_s > 0:
                sums[AFTER, f"{name} after {cause}"] += piece_s
    return dict(sums)


def _spans(run: StoredRun, total_s: float) -> dict[Kind, float]:
    columns = run.spans.select(["start_s", "end_s", "kind"]).to_pydict()
    intervals: defaultdict[str, list[Interval]] = defaultdict(list)
    for start_s, end_s, kind in zip(*columns.values(), strict=True):
        if kind not in _NOT_REAL and start_s < total_s:
            intervals[str(kind)].append((start_s, min(end_s, total_s)))
    found = {}
    for kind, every in intervals.items():
        found[SPAN, f"{kind} (open)"] = covered(every, (0.0, total_s))
        found[SPAN, f"{kind} (until)"] = max(end_s for _, end_s in every)
    return found


def _starts(requests: Sequence[Request]) -> dict[Kind, float]:
    found: dict[Kind, float] = {}
    for start_s, _, cause in requests:
        found.setdefault((START, f"{cause}, first"), start_s)
        found[START, f"{cause}, last"] = start_s
    return found


def _gaps(requests: Sequence[Request], total_s: float) -> dict[Kind, float]:
    gaps: defaultdict[str, list[float]] = defaultdict(list)
    for (start_s, _, cause), (next_s, _, _) in pairwise([*requests, (total_s, total_s, "")]):
        gaps[cause].append(next_s - start_s)
    return {(GAP, cause): statistics.median(every) for cause, every in gaps.items()}


def _durations(requests: Sequence[Request]) -> dict[Kind, float]:
    durations: defaultdict[str, list[float]] = defaultdict(list)
    for start_s, end_s, cause in requests:
        durations[cause].append(end_s - start_s)
    sums = {(DURATION, f"{cause}, sum"): sum(every) for cause, every in durations.items()}
    return sums | {(DURATION, f"{cause}, median"): statistics.median(every) for cause, every in durations.items()}

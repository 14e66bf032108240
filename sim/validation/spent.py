"""What the seconds of one run went into, by several ways of cutting it, measured and simulated alike."""

import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise

from sim.core.store import StoredRun

PHASE, AFTER, SPAN, REQUEST, IDLE = "phase", "after", "span", "request", "idle"
LEVELS: dict[str, str] = {
    PHASE: "the four phases; they add up to the total",
    AFTER: "each phase cut where requests start, booked to the cause of the last one; these too add up to the total",
    SPAN: "time in which at least one span of that kind is open, and when the last one closes",
    REQUEST: "per cause: durations summed and their median, start of the first, end of the last; the registry's log "
    "has a request's time at the registry, the model the client's, a round trip more",
    IDLE: "time of each phase in which no request is under way",
}
_PHASES = ("pull", "create", "start", "ready")
_NOT_REAL = frozenset({*_PHASES, "stall"})  # what the model's client waited for is not seen from outside
Interval = tuple[float, float]
Kind = tuple[str, str]  # level and kind


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
        **_by_cause(requests),
        **_idle(phases, requests),
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


def _after(phases: dict[str, Interval], requests: Sequence[tuple[float, float, str]]) -> dict[Kind, float]:
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
        found[SPAN, f"{kind}, open"] = covered(every, (0.0, total_s))
        found[SPAN, f"{kind}, until"] = max(end_s for _, end_s in every)
    return found


def _by_cause(requests: Sequence[tuple[float, float, str]]) -> dict[Kind, float]:
    intervals: defaultdict[str, list[Interval]] = defaultdict(list)
    for start_s, end_s, cause in requests:
        intervals[cause].append((start_s, end_s))
    found = {}
    for cause, every in intervals.items():
        durations = [end_s - start_s for start_s, end_s in every]
        found[REQUEST, f"{cause}, sum"] = sum(durations)
        found[REQUEST, f"{cause}, median"] = statistics.median(durations)
        found[REQUEST, f"{cause}, first starts"] = every[0][0]
        found[REQUEST, f"{cause}, last ends"] = max(end_s for _, end_s in every)
    return found


def _idle(phases: dict[str, Interval], requests: Sequence[tuple[float, float, str]]) -> dict[Kind, float]:
    busy = [(start_s, end_s) for start_s, end_s, _ in requests]
    return {(IDLE, name): within[1] - within[0] - covered(busy, within) for name, within in phases.items()}

"""The document's sections on ranking, request logs, residue and drift."""

from collections.abc import Sequence

from sim.validation.comparison import Comparison, DriftRow, RequestsRow
from sim.validation.markdown import bullets, section, table
from sim.validation.ranking import verdict
from sim.validation.requests import RIGHT, UNDECIDED, WRONG
from sim.validation.residue import sentence, worst
from sim.validation.spent import LEVELS
from sim.validation.words import NONE, megabytes, number, percent, seconds


def ranking(comparison: Comparison) -> str:
    """How many pairs of presets are in the measured order, and which are not."""
    pairs = comparison.ranking
    right, wrong, undecided = _verdicts([row.verdict for row in pairs])
    narrow = [verdict(row.measured_s, row.simulated_s, row.spread_s / 2) for row in pairs]
    lead = (
        f"Of {len(pairs)} pairs of presets of one workload on one network, the model orders {right} as measured and "
        f"{wrong} not; {undecided} are undecided: their measured medians differ by no more than the spread of the "
        "difference, the sum of both ranges (largest − smallest run). With half of that as the limit, which two equal "
        "presets of three runs each exceed by chance in 12 % of the pairs instead of 1.4 %, it would be "
        "{} right, {} wrong, {} undecided.".format(*_verdicts(narrow))
    )
    rows = [
        [
            row.workload,
            row.network,
            row.strategy,
            row.later,
            seconds(row.measured_s),
            seconds(row.spread_s),
            seconds(row.simulated_s, sign=True),
            row.verdict,
        ]
        for row in pairs
        if row.verdict != RIGHT
    ]
    header = ["workload", "network", "measured sooner", "than", "measured by (s)", "spread (s)", "simulated by (s)", ""]
    return section("Order of the presets", lead, table(header, rows, left=4))


def requests(comparison: Comparison) -> str:
    """Bytes and requests of every cell."""
    lead = (
        "Requests for layers as (blob, byte ranges) that were *answered* by ready: the registry logs a request at its "
        "end and a run's log closes at ready, while the model's goes on with the recording. The difference of two logs "
        "is the number of requests to add, drop or replace to turn one into the other. "
        "*Model*: median and largest over the pairs of a simulated and a measured run; *real*: the largest between two "
        "measured runs. Serial workloads and full pulls must be equal in every pair; parallel ones may be as far from "
        "the measured runs (median) as two of these are from each other; with the background fetch, how far it has "
        "come at ready is a question of time, so there is no verdict. Bytes are all bodies of those requests."
    )
    header = ["workload", "network", "preset", "requests measured", "simulated", "model", "real", "verdict"]
    rows = [_requests(row) for row in comparison.requests]
    bytes_header = ["MB measured", "MB simulated", "error", "within 1 %", "at ready: measured", "simulated", "error"]
    return section("Requests and bytes", lead, table([*header, *bytes_header], rows, left=3))


def residues(comparison: Comparison) -> str:
    """The worst cells, and where their seconds go astray."""
    worst_cells = worst(comparison.of("total"))
    texts = [sentence(row, comparison.residue) for row in worst_cells]
    levels = bullets([f"*{name}*: {text}" for name, text in LEVELS.items()])
    rows = [
        [
            row.title,
            row.level,
            row.kind,
            seconds(row.measured_s),
            seconds(row.simulated_s),
            seconds(row.difference_s, sign=True),
        ]
        for row in comparison.residue
        if row.largest
    ]
    header = ["cell", "cut", "kind", "measured (s)", "simulated (s)", "difference (s)"]
    lead = (
        f"The {len(worst_cells)} cells farthest off. Each way of cutting a run, with the kind that differs most; all "
        "kinds are in [validation/residue.csv](validation/residue.csv)."
    )
    return section("Where the worst cells part", lead, bullets(texts), levels, table(header, rows, left=3))


def drift(comparison: Comparison) -> str:
    """The cells that were measured twice."""
    if not comparison.drift:
        return section("Drift", "No cell has been measured again later yet.")
    lead = "The same cells hours later on a freshly started testbed: medians of the measured totals, ranges, drift."
    header = ["workload", "network", "preset", "first", "measured (s)", "range", "later", "measured (s)", "range"]
    rows = [_drift(row) for row in comparison.drift]
    return section("Drift", lead, table([*header, "drift", "ranges apart"], rows, left=3))


def _requests(row: RequestsRow) -> list[str]:
    model = NONE if row.model_median is None else f"{row.model_median} (≤ {row.model_max})"
    return [
        row.workload,
        row.network,
        row.strategy,
        number(row.requests_measured),
        number(row.requests_simulated),
        model,
        number(row.real_max),
        row.verdict,
        megabytes(row.log_measured_bytes),
        megabytes(row.log_simulated_bytes),
        percent(row.log_error),
        row.bytes_verdict,
        megabytes(row.fetched_measured_bytes),
        megabytes(row.fetched_simulated_bytes),
        percent(row.fetched_error),
    ]


def _drift(row: DriftRow) -> list[str]:
    return [
        row.workload,
        row.network,
        row.strategy,
        row.first_at,
        seconds(row.first_s),
        f"{row.first_min_s:.3f}–{row.first_max_s:.3f}",
        row.later_at,
        seconds(row.later_s),
        f"{row.later_min_s:.3f}–{row.later_max_s:.3f}",
        percent(row.drift),
        "yes" if row.apart else "no",
    ]


def _verdicts(every: Sequence[str]) -> tuple[int, int, int]:
    """How many are right, wrong, undecided."""
    return every.count(RIGHT), every.count(WRONG), every.count(UNDECIDED)

"""What tuning found as people read it: the ranking, the networks one by one, how far estimates are off."""

from typing import TYPE_CHECKING

from sim.cli.table import format_table
from sim.core.units import format_size

if TYPE_CHECKING:
    from sim.tune.candidate import Candidate
    from sim.tune.recheck import Recheck
    from sim.tune.score import Score
    from sim.tune.tuning import Tuning

RANKING_HEADER = (
    "",
    "chunk",
    "min chunk",
    "before landmark",
    "region",
    "prefetch",
    "tuned on",
    "judged on",
    "× best",
    "fetched",
    "requests",
    "image",
)
RANKING_LEFT = 6
STARTS_HEADER = ("network", "recording", "", "ready s", "÷ default", "× best", "fetched", "requests")


def tuning_text(tuning: "Tuning") -> str:
    """All tables with what they say in words."""
    parts = [_about(tuning), _ranking(tuning), _legend(tuning), _starts(tuning), _front(tuning), _checks(tuning)]
    return "\n\n".join(part for part in parts if part)


def settings_text(candidate: "Candidate") -> str:
    """What to write and to set, in one line, under the names that the reference tools have for it."""
    order = "" if candidate.share == 0 else f", the {candidate.share:.1%} first accessed in order of {candidate.order}"
    client = [f"[blob] chunk_size = {candidate.region_size_bytes}"]
    if candidate.wait_at_most_s is None:
        client.append("noprefetch = true")
    else:
        client.append(f"prefetch_timeout_sec = {candidate.wait_at_most_s:.0f}")
    return (
        f"estargz chunk size {candidate.chunk_size_bytes}, min chunk size {candidate.min_chunk_size_bytes}{order}; "
        f"snapshotter {', '.join(client)}"
    )


def _about(tuning: "Tuning") -> str:
    subject, starts = tuning.subject, tuning.starts
    each_ms = 1000 * tuning.search_s / max(1, starts)
    counts = [
        f"{len(tuning.scores)} candidates ({tuning.search})",
        _count(len(subject.tuned), "recording"),
        _count(len(subject.networks), "network"),
    ]
    return (
        f"{subject.name}: {' × '.join(counts)} = {starts} starts in {tuning.search_s:.1f} s ({each_ms:.0f} ms each); "
        "layouts estimated, starts simulated"
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _ranking(tuning: "Tuning") -> str:
    rows = [_ranking_row(tuning, number, one) for number, one in enumerate(tuning.shown, 1)]
    return format_table(RANKING_HEADER, rows, left=RANKING_LEFT)


def _ranking_row(tuning: "Tuning", number: int, one: "Score") -> tuple[str, ...]:
    judged = tuning.judged.get(one.candidate)
    return (
        _name(tuning, one.candidate) or f"{number}",
        *_settings(one.candidate),
        f"{one.relative:.3f}",
        "-" if judged is None else f"{judged.relative:.3f}",
        _factor(one),
        format_size(one.fetched_bytes),
        f"{one.requests:.0f}",
        _image(one),
    )


def _legend(tuning: "Tuning") -> str:
    judged = ", ".join(one.label for one in tuning.subject.judged)
    lines = [
        "tuned on, judged on: seconds until ready ÷ the default's, mean over recordings and networks; "
        f"tuned on {', '.join(one.label for one in tuning.subject.tuned)}, judged on {judged or 'nothing'}",
        "× best: seconds until ready ÷ the clairvoyant's on the same layout; fetched, requests: until ready, means",
        f"winner: {settings_text(tuning.winner.candidate)}",
    ]
    if tuning.near:
        lines.append(f"{tuning.near} other candidates are as good to within 0.01 of the default's time")
    return "\n".join(lines)


def _starts(tuning: "Tuning") -> str:
    """The winner and the baselines, each recording and network by itself, first those tuned on."""
    tuned = {one.candidate: one for one in tuning.shown}
    rows = [*_start_rows(tuning, tuned, "tuned on"), *_start_rows(tuning, tuning.judged, "judged on")]
    return format_table(STARTS_HEADER, rows, left=3)


def _start_rows(tuning: "Tuning", scores: "dict[Candidate, Score]", role: str) -> list[tuple[str, ...]]:
    from sim.tune.candidate import DEFAULT

    named = {candidate: name for candidate in scores if (name := _name(tuning, candidate))}
    base = scores[DEFAULT].starts if scores else ()
    return [
        (
            f"{start.network}",
            f"{start.recording} ({role})",
            name,
            f"{start.total_s:.2f}",
            f"{start.total_s / default.total_s:.3f}",
            f"{start.total_s / start.bound_s:.2f}" if start.bound_s else "-",
            format_size(start.fetched_bytes),
            f"{start.requests}",
        )
        for number, default in enumerate(base)
        for candidate, name in named.items()
        for start in (scores[candidate].starts[number],)
    ]


def _front(tuning: "Tuning") -> str:
    front = tuning.front
    ends = {
        "soonest": front[0],
        "fewest bytes": min(front, key=lambda one: one.fetched_bytes),
        "smallest image": min(front, key=lambda one: one.image_bytes),
    }
    header = ("", *RANKING_HEADER[1:RANKING_LEFT], "tuned on", "fetched", "image")
    rows = [
        (
            name,
            *_settings(one.candidate),
            f"{one.relative:.3f}",
            format_size(one.fetched_bytes),
            _image(one),
        )
        for name, one in ends.items()
    ]
    count = f"{len(front)} of {len(tuning.scores)} candidates; its ends:"
    table = format_table(header, rows, left=RANKING_LEFT)
    return f"Pareto front, ready time × fetched bytes × image size: {count}\n{table}"


def _checks(tuning: "Tuning") -> str:
    if not tuning.rechecks:
        return "The estimate was not checked: no layers are at hand, or it was not asked for."
    header = (
        "",
        "written by",
        "image estimated",
        "image real",
        "off",
        "ready estimated s",
        "ready real s",
        "÷ default",
        "worst off",
    )
    rows = [_check_row(tuning, one) for one in tuning.rechecks]
    about = (
        "How far the estimate is off (starts simulated on both; the reference compresses with another library); the "
        "winner is the soonest that lazypull wrote"
    )
    return f"{about}:\n{format_table(header, rows, left=2)}"


def _check_row(tuning: "Tuning", one: "Recheck") -> tuple[str, ...]:
    from sim.tune.recheck import real_scores

    seconds = [sum(start.total_s for start in starts) / len(starts) for starts in (one.estimated, one.real)]
    real = real_scores(tuning.rechecks, one.made_by).get(one.candidate)
    return (
        _name(tuning, one.candidate) or f"{1 + [shown.candidate for shown in tuning.shown].index(one.candidate)}",
        one.made_by,
        format_size(one.estimated[0].image_bytes),
        format_size(one.real[0].image_bytes),
        f"{one.image_error:+.2%}",
        *(f"{value:.3f}" for value in seconds),
        "-" if real is None else f"{real.relative:.3f}",
        f"{one.worst_ready_error:+.2%}",
    )


def _name(tuning: "Tuning", candidate: "Candidate") -> str:
    from sim.tune.candidate import BASELINES

    names = [name for name, baseline in BASELINES.items() if baseline == candidate]
    return " = ".join(["winner"] * (candidate == tuning.winner.candidate) + names)


def _settings(candidate: "Candidate") -> tuple[str, ...]:
    landmark = "nothing" if candidate.share == 0 else f"{candidate.share:.1%} by {candidate.order}"
    wait = candidate.wait_at_most_s
    return (
        _binary(candidate.chunk_size_bytes),
        _binary(candidate.min_chunk_size_bytes),
        landmark,
        format_size(candidate.region_size_bytes),
        "off" if wait is None else f"waits {wait:.0f} s",
    )


def _binary(size: int) -> str:
    """Powers of two as converters take them: 4194304 → "4 MiB"."""
    if size >= 1 << 20 and size % (1 << 20) == 0:
        return f"{size >> 20} MiB"
    return f"{size >> 10} KiB" if size % (1 << 10) == 0 and size else f"{size} B" if size else "0"


def _factor(one: "Score") -> str:
    return "-" if one.factor is None else f"{one.factor:.2f}"


def _image(one: "Score") -> str:
    """Candidates' images differ little, so with more digits than other sizes."""
    return f"{one.image_bytes / 1e6:.2f} MB"

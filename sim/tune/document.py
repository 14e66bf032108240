"""What tuning found as one JSON document and one table: thousands of starts, no folder for each."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from sim.core.files import write_file
from sim.tune.candidate import BASELINES, Candidate
from sim.tune.recheck import Recheck
from sim.tune.score import Score
from sim.tune.tuning import Tuning

if TYPE_CHECKING:
    import pandas as pd

DOCUMENT_FILE, TABLE_FILE, FIGURE_FILE = "tuning.json", "starts.parquet", "pareto.png"
OBJECTIVE = "mean over recordings and networks of the seconds until ready ÷ the default's"


def document(tuning: Tuning) -> dict[str, Any]:
    """Everything that is printed, and the Pareto front, as JSON has it: seconds, bytes, counts, ratios."""
    subject = tuning.subject
    return {
        "image": subject.name,
        "content_id": subject.tree.content_id,
        "objective": OBJECTIVE,
        "tuned_on": [one.label for one in subject.tuned],
        "judged_on": [one.label for one in subject.judged],
        "networks": list(subject.networks),
        "layouts": "estimated",
        "starts": "simulated",
        "search": tuning.search,
        "candidates": len(tuning.scores),
        "simulated_starts": tuning.starts,
        "search_s": tuning.search_s,
        "near_winner": tuning.near,
        "winner": settings(tuning.chosen),
        "ranking": [_scored(tuning, one) for one in tuning.shown],
        "pareto": [_score(one) for one in tuning.front],
        "estimate_checks": [_recheck(one) for one in tuning.rechecks],
    }


def starts_table(tuning: Tuning) -> pa.Table:
    """One row a start: the candidate's settings, `role` (tuned or judged), recording, network and what came out."""
    rows = [
        settings(start.candidate)
        | {"role": role, "recording": start.recording, "network": start.network}
        | {"total_s": start.total_s, "fetched_bytes": start.fetched_bytes, "requests": start.requests}
        | {"image_bytes": start.image_bytes, "clairvoyant_total_s": start.bound_s}
        for role, scores in (("tuned", tuning.scores), ("judged", tuning.judged.values()))
        for one in scores
        for start in one.starts
    ]
    return pa.Table.from_pylist(rows)


def front_frame(tuning: Tuning) -> "pd.DataFrame":
    """Rows for the Pareto figure: one a candidate, `front` and `mark` (default, full landmark, winner or empty)."""
    import pandas as pd

    on_front = {one.candidate for one in tuning.front}
    marks = {candidate: name for name, candidate in BASELINES.items()}
    marks[tuning.winner.candidate] = " = ".join(filter(None, ["winner", marks.get(tuning.winner.candidate)]))
    rows = [
        {
            "relative": one.relative,
            "fetched_bytes": one.fetched_bytes,
            "image_bytes": one.image_bytes,
            "front": one.candidate in on_front,
            "mark": marks.get(one.candidate, ""),
        }
        for one in tuning.scores
    ]
    return pd.DataFrame(rows)


def write_tuning(tuning: Tuning, out: Path) -> list[Path]:
    """Write document, table and figure into a folder; returns the files."""
    from sim.report import style
    from sim.report.figures.pareto import draw_pareto

    text = msgspec.json.format(msgspec.json.encode(document(tuning)), indent=1) + b"\n"
    files = [write_file(out / DOCUMENT_FILE, text)]
    buffer = pa.BufferOutputStream()
    pq.write_table(starts_table(tuning), buffer, compression="zstd")
    files.append(write_file(out / TABLE_FILE, buffer.getvalue().to_pybytes()))
    figure = draw_pareto(front_frame(tuning), name=tuning.subject.name, where=where(tuning))
    files.append(write_file(out / FIGURE_FILE, style.png(figure)))
    return files


def where(tuning: Tuning) -> str:
    """Recordings and networks in words."""
    recordings = ", ".join(one.label for one in tuning.subject.tuned)
    return f"{recordings}; {' · '.join(tuning.subject.networks)}"


def settings(candidate: Candidate) -> dict[str, Any]:
    """A candidate's settings under their names."""
    return msgspec.to_builtins(candidate)  # type: ignore[no-any-return]


def _scored(tuning: Tuning, one: Score) -> dict[str, Any]:
    judged = tuning.judged.get(one.candidate)
    return _score(one) | {"judged": None if judged is None else _measures(judged)}


def _score(one: Score) -> dict[str, Any]:
    starts = [
        {"recording": start.recording, "network": start.network, "total_s": start.total_s}
        | {"fetched_bytes": start.fetched_bytes, "clairvoyant_total_s": start.bound_s}
        for start in one.starts
    ]
    return {"candidate": settings(one.candidate), **_measures(one), "starts": starts}


def _measures(one: Score) -> dict[str, Any]:
    return {
        "relative": one.relative,
        "fetched_bytes": one.fetched_bytes,
        "requests": one.requests,
        "image_bytes": one.image_bytes,
        "factor": one.factor,
    }


def _recheck(one: Recheck) -> dict[str, Any]:
    return {
        "candidate": settings(one.candidate),
        "made_by": one.made_by,
        "estimated_image_bytes": one.estimated[0].image_bytes,
        "real_image_bytes": one.real[0].image_bytes,
        "image_error": one.image_error,
        "worst_ready_error": one.worst_ready_error,
        "estimated_total_s": [start.total_s for start in one.estimated],
        "real_total_s": [start.total_s for start in one.real],
    }

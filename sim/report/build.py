"""`write_report`: results in, page, pictures and timeline out."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sim.core.errors import BadInput
from sim.core.files import write_file
from sim.core.store import StoredRun
from sim.report.cells import title, workloads
from sim.report.findings import compared, crossing_sentences, headline, soonest
from sim.report.page import Head, page
from sim.report.provenance import provenance
from sim.report.sections import Material, sections
from sim.report.source import Results, open_results
from sim.report.style import in_order
from sim.report.tables import soonest_html
from sim.report.timeline import timeline

PAGE_FILE = "index.html"
TIMELINE_FILE = "timeline.json"
FIGURES_FOLDER = "figures"


@dataclass(frozen=True, slots=True)
class Written:
    """Where a report lies."""

    page: Path
    timeline: Path
    figures: tuple[Path, ...]


def write_report(results_folder: Path, out: Path | None = None, *, timeline_of: Sequence[str] = ()) -> Written:
    """Write the report of one experiment into `out` (default: `report` inside the results).

    timeline_of: names of the runs the timeline shows; by default the reference cell of the largest image under each
    preset. Each file is written aside and renamed, the page last. Raises `BadInput`.
    """
    folder = out or results_folder / "report"
    if folder.exists() and not folder.is_dir():
        raise BadInput(f"{folder}: is a file; pass a folder to --out")
    results = open_results(results_folder)
    material = Material(results)
    events = timeline(_timeline_runs(material, timeline_of))
    parts = sections(material)
    pictures = [picture for part in parts for picture in part.pictures]
    text = page(_head(material), parts, _provenance(results))
    figures = tuple(write_file(folder / FIGURES_FOLDER / f"{picture.name}.png", picture.png) for picture in pictures)
    events_file = write_file(folder / TIMELINE_FILE, events)
    return Written(write_file(folder / PAGE_FILE, text.encode()), events_file, figures)


def _head(material: Material) -> Head:
    frame = material.frame
    source = "model" if (frame["source"] == "model").any() else "real"
    table = soonest(material.rows[material.rows["source"] == source])
    notes = crossing_sentences(frame[frame["source"] == source], material.cell)
    if frame["synthetic"].any():
        notes.append("SYNTHETIC: some of these runs are on images or traces that were made up, not recorded.")
    if material.results.unfinished:
        notes.append(f"{material.results.unfinished} runs failed and are left out.")
    notes.append(f"{TIMELINE_FILE} beside this page opens in Perfetto: each run a process, each fetch slot a track.")
    finding = headline(table, material.where) if not table.empty else "Only the clairvoyant was run."
    tables = () if table.empty else (soonest_html(table),)
    return Head(f"lazypull: {material.results.name}", finding, compared(frame), tuple(notes), tables)


def _timeline_runs(material: Material, names: Sequence[str]) -> dict[str, StoredRun]:
    """Title → run."""
    frame = material.frame
    missing = sorted(set(names) - set(frame["run"]))
    if missing:
        raise BadInput(
            f"{material.results.path}: has no run {missing[0]!r} that is done; see its folders for the names"
        )
    if names:
        chosen = frame[frame["run"].isin(names)]
    else:
        chosen = material.single[material.single["workload"] == workloads(frame)[-1]]
    chosen = chosen.set_index("strategy").loc[lambda rows: in_order(list(rows.index))].reset_index()
    titles = [f"{title(chosen, str(row.workload))} · {row.strategy}" for row in chosen.itertuples()]
    ends = [f" · {name}" if names else "" for name in chosen["run"]]
    return {
        title + end: material.results.run(name) for title, end, name in zip(titles, ends, chosen["run"], strict=True)
    }


def _provenance(results: Results) -> dict[str, str]:
    return provenance(results.run(name).manifest for name in results.frame["run"])

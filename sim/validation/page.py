"""The page of a validation: what holds, measured against simulated in figures, the worst cells, every cell."""

from pathlib import Path

from sim.core.files import write_file
from sim.report.html import Picture, bullets
from sim.report.page import Head, Section, page
from sim.report.style import png
from sim.validation import page_tables as tables
from sim.validation.compare import compare
from sim.validation.comparison import Comparison
from sim.validation.figures import draw_errors, draw_phases, draw_totals, label
from sim.validation.findings import findings
from sim.validation.registration import breaches, facts
from sim.validation.residue import sentence, worst
from sim.validation.runs import QUANTITIES

PAGE_FOLDER = "validation-page"
PAGE_FILE = "index.html"
FIGURES_FOLDER = "figures"
PHASES = QUANTITIES[:-1]


def write_page(folder: Path, out: Path | None = None) -> Path:
    """Write the page of the results in `folder` and its figures into `out`; returns the page.

    out: by default `validation-page` inside the results. Raises `BadInput`.
    """
    comparison = compare(folder)
    target = out or folder / PAGE_FOLDER
    parts = _sections(comparison)
    for picture in (picture for part in parts for picture in part.pictures):
        write_file(target / FIGURES_FOLDER / f"{picture.name}.png", picture.png)
    text = page(_head(comparison), parts, _provenance(comparison))
    return write_file(target / PAGE_FILE, text.encode())


def _head(comparison: Comparison) -> Head:
    totals = comparison.of("total")
    missed = sum(not row.resolved for row in totals)
    found = findings(comparison)
    broken = [finding.what for finding in found if finding.holds is False]
    finding = f"Does not hold: {'; '.join(broken)}." if broken else "Nothing that must hold is broken."
    notes = breaches(comparison.registration, comparison.provenance, comparison.runs)
    if comparison.synthetic:
        notes.append("SYNTHETIC: some of these runs are on images or traces that were made up, not recorded.")
    return Head(
        title=f"lazypull: {comparison.experiment}, measured against simulated",
        finding=finding,
        compared=f"{len(totals)} cells measured on the real stack with what the model says; {missed} of them missed",
        notes=tuple(notes),
        tables=(tables.findings_html(found),),
    )


def _sections(comparison: Comparison) -> list[Section]:
    totals, note = comparison.of("total"), label(comparison)
    return [
        _figure(
            "total",
            "Total time",
            "A dot is a cell, at the medians of its runs. On the line both are equal.",
            Picture(
                "measured-against-simulated",
                png(draw_totals(totals, note=note)),
                "Measured (x) against simulated (y) total time. Bars: smallest to largest run of either source.",
            ),
        ),
        _figure(
            "phases",
            "The four phases",
            "The same phase by phase. A phase of a few milliseconds may be far off and not matter for the total.",
            Picture(
                "phases",
                png(draw_phases({name: comparison.of(name) for name in PHASES}, note=note)),
                "Measured (x) against simulated (y) phases. Bars: smallest to largest run of either source.",
            ),
        ),
        _figure(
            "errors",
            "Error of each cell",
            "From the most too short to the most too long. A grey bar is how far the measured runs of the same cell "
            "lie from their own median.",
            Picture(
                "errors", png(draw_errors(totals, note=note)), "Signed error of the simulated total, cell by cell."
            ),
        ),
        Section("by-preset", "Errors by preset and phase", tables.OVERALL, (), (tables.overall_html(comparison),)),
        _worst(comparison),
        Section("requests", "Request logs", tables.REQUESTS, (), (tables.requests_html(comparison),)),
        Section("ranking", "Order of the presets", tables.RANKING, (), (tables.ranking_html(comparison),)),
        Section("cells", "All cells", tables.CELLS, (), (tables.cells_html(comparison),)),
    ]


def _figure(anchor: str, title: str, lead: str, picture: Picture) -> Section:
    return Section(anchor, title, lead, (picture,))


def _worst(comparison: Comparison) -> Section:
    rows = worst(comparison.of("total"))
    sentences = bullets([sentence(row, comparison.residue) for row in rows])
    lead = "The cells farthest off, and the kinds of time in which model and reality part."
    return Section("worst", "Worst cells", lead, (), (sentences, tables.residue_html(comparison)))


def _provenance(comparison: Comparison) -> dict[str, str]:
    registered = {f"registered {name}": text for name, text in facts(comparison.registration)}
    return {**comparison.provenance, **registered}

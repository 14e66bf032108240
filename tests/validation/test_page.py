"""The page and the commands: whole, self-contained, honest about what was missed; figures that open."""

import json

import pytest
from click.testing import CliRunner

from sim.cli.main import main
from sim.cli.validation import validation
from sim.validation.compare import compare
from sim.validation.figures import draw_errors, draw_phases, draw_totals
from sim.validation.page import write_page
from tests.report.test_report_command import Page


@pytest.fixture(scope="module")
def page(results, tmp_path_factory):
    return write_page(results, tmp_path_factory.mktemp("page"))


def run(*arguments):
    return CliRunner().invoke(validation, [str(argument) for argument in arguments], catch_exceptions=False)


def test_the_page_needs_nothing_else_and_has_its_sections(page):
    text = page.read_text("utf-8")
    parsed = Page(text)
    assert all(source.startswith("data:image/png;base64,") for source in parsed.sources)
    assert all(link.startswith("#") and link[1:] in parsed.ids for link in parsed.links)
    assert parsed.titles == [
        "Total time", "The four phases", "Error of each cell", "Errors by preset and phase", "Worst cells",
        "Request logs", "Order of the presets", "All cells",
    ]  # fmt: skip
    assert "SYNTHETIC" in text
    assert "CV 20.0 %" in text


def test_the_figures_lie_beside_it(page):
    names = {file.name for file in (page.parent / "figures").iterdir()}
    assert names == {"measured-against-simulated.png", "phases.png", "errors.png"}


def test_axes_say_measured_and_simulated(results):
    comparison = compare(results)
    left, right = draw_totals(comparison.of("total")).axes
    assert (left.get_xlabel(), left.get_ylabel()) == ("measured total (s)", "simulated total (s)")
    assert right.get_xlabel() == "measured total (s)"
    phases = draw_phases({name: comparison.of(name) for name in ("pull", "create", "start", "ready")})
    assert [axes.get_ylabel() for axes in phases.axes] == [
        f"simulated {name} (s)" for name in ("pull", "create", "start", "ready")
    ]


def test_a_dot_stands_at_its_cells_medians(results):
    axes = draw_totals(compare(results).of("total")).axes[0]
    dots = {(line.get_xdata()[0], line.get_ydata()[0]) for line in axes.lines if len(line.get_xdata()) == 1}
    assert (4.0, 1.03 * 4.0) in dots


def test_errors_are_sorted_and_every_cell_with_both_sources_is_there(results):
    rows = [row for row in compare(results).of("total") if row.error is not None]
    (axes,) = draw_errors(rows).axes
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert len(names) == 8
    assert names[0] == min(rows, key=lambda row: row.error).title


def test_show_prints_what_holds_and_json_has_all(results):
    text = run("show", results)
    assert text.exit_code == 0
    assert "unresolved: CV 20.0 %" in text.output
    content = json.loads(run("show", results, "--json").output)
    assert {"findings", "overall", "cells", "requests", "ranking", "residue"} <= content.keys()
    assert len(content["cells"]) == 45


def test_publish_page_and_document_name_what_they_wrote(results, tmp_path):
    published = run("publish", results, "--docs", tmp_path).output.split()
    assert str(tmp_path / "validation.md") in published
    assert run("document", "--docs", tmp_path).output.strip() == str(tmp_path / "validation.md")
    assert run("page", results, "--out", tmp_path / "p").output.strip() == str(tmp_path / "p/index.html")


def test_what_is_no_results_folder_gets_one_line_and_status_2(tmp_path, capsys):
    assert main(["validation", "show", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("lazypull: ")
    assert error.count("\n") == 1

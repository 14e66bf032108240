"""Every figure draws what its table says; how it looks was judged by eye."""

import pytest

from sim.core.store import load_results, load_run
from sim.report import style
from sim.report.axes import at, reference, slice_along, varied_axes
from sim.report.cells import finished
from sim.report.figures.causes import cause_table, draw_causes
from sim.report.figures.distance import draw_distance
from sim.report.figures.images import draw_images
from sim.report.figures.lines import draw_lines
from sim.report.figures.phases import draw_phases
from sim.report.figures.shares import WHAT_IFS, draw_shares
from tests.report.fake_results import write_startup

PNG = b"\x89PNG\r\n\x1a\n"


def panel(figure, title):
    return next(axes for axes in figure.axes if axes.get_title(loc="left").startswith(title))


def bar_ends(axes):
    """Right end of the bars by row, first row first."""
    ends = {}
    for patch in axes.patches:
        row = round(patch.get_y() + patch.get_height() / 2)
        ends[row] = max(ends.get(row, 0.0), patch.get_x() + patch.get_width())
    return [ends[row] for row in sorted(ends)]


@pytest.mark.parametrize("draw", [draw_phases, draw_shares])
def test_bars_end_at_the_total(runs, draw):
    cell = at(runs, reference(runs))
    figure = draw(cell, where="here")
    totals = cell[cell["workload"] == "numpy"].set_index("strategy")["total_s"]
    expected = [totals[name] for name in style.in_order(list(totals.index))]
    assert bar_ends(panel(figure, "numpy"))[: len(expected)] == pytest.approx(expected)
    assert style.png(figure).startswith(PNG)


def test_what_ifs_are_marked_on_the_bars(runs):
    axes = panel(draw_shares(at(runs, reference(runs)), where=""), "numpy")
    assert {line.get_label() for line in axes.lines} == {text for text, _ in WHAT_IFS.values()}


def test_made_up_input_is_labelled_in_every_figure(size_runs, image_size):
    cell = reference(size_runs)
    rows = at(size_runs, cell)
    axis = varied_axes(size_runs)[0]
    causes = {"padded · simulated · SYNTHETIC": {
        row.strategy: cause_table(load_run(image_size / row.run).requests.to_pandas(), ready_s=row.total_s)
        for row in rows.itertuples()
    }}  # fmt: skip
    along = slice_along(size_runs, axis, cell)[0]
    figures = [
        draw_phases(rows, where=""),
        draw_shares(rows, where=""),
        draw_lines(along, axis, where=""),
        draw_distance(along, [axis]),
        draw_causes(causes, where=""),
    ]
    for figure in figures:
        assert any("SYNTHETIC" in axes.get_title(loc="left") for axes in figure.axes)


def test_measured_bars_have_a_panel_of_their_own_and_whiskers_where_replicates_differ(tmp_path):
    write_startup(tmp_path / "r", workloads=["numpy"])
    write_startup(tmp_path / "r", workloads=["numpy"], source="real", replicates=2)
    runs = finished(load_results(tmp_path / "r"))
    figure = draw_phases(at(runs, reference(runs)), where="")
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["numpy · simulated", "numpy · measured"]
    assert [bool(axes.collections) for axes in figure.axes] == [False, True]


def test_a_crossing_is_marked_where_the_table_has_it(runs):
    axis = varied_axes(runs)[0]
    rows, _ = slice_along(runs, axis, reference(runs))
    from sim.report.crossings import crossings

    expected = crossings(rows[rows["workload"] == "numpy"], axis.column)["crossing"].dropna() * axis.scale
    axes = panel(draw_lines(rows, axis, where=""), "numpy")
    marked = [line.get_xdata()[0] for line in axes.lines if line.get_linestyle() == ":"]
    assert sorted(marked) == pytest.approx(sorted(expected))


def test_images_have_a_dot_a_workload_and_preset(runs):
    figure = draw_images(at(runs, reference(runs)), where="")
    assert all(len(line.get_xdata()) == 2 for axes in figure.axes for line in axes.lines)
    assert [len(axes.lines) for axes in figure.axes] == [5, 5]


def test_presets_keep_their_colour_whatever_else_is_compared():
    assert style.colour("lazy", ["lazy", "mine"]) == style.colour("lazy", ["full", "lazy"])
    assert style.colour("mine", ["lazy", "mine", "yours"]) != style.colour("yours", ["lazy", "mine", "yours"])
    assert style.in_order(["zz", "clairvoyant", "lazy", "full"]) == ["full", "lazy", "clairvoyant", "zz"]


def test_drawing_leaves_the_look_of_other_figures_alone(runs):
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    style.png(draw_phases(at(runs, reference(runs)), where=""))
    assert dict(mpl.rcParams) == before

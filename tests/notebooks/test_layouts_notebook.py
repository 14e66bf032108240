"""The notebook on chunk size and landmark runs from top to bottom, and says what to run where there are no results."""

import itertools
from pathlib import Path

import nbformat
import pytest

from sim.core.store import load_results, rebuild_runs, write_run
from sim.report.figures.layouts import CHUNK_SIZE, SHARE, draw_layouts, layout_table, relative_table
from tests.notebooks import test_startup_notebook as startup
from tests.report.fake_results import RATES, RTTS, WORKLOADS, manifest, run_tables

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "layouts.ipynb"
CHUNKS = {"64 KiB": 0.8, "1 MiB": 0.9, "4 MiB": 1.0}  # own seconds of a run
SHARES = (0.0, 0.5, 1.0)


def write_chunks(root):
    for workload, strategy, chunk, rate, rtt in itertools.product(WORKLOADS, ("lazy", "prefetch"), CHUNKS, RATES, RTTS):
        config = {"network": {"rate": rate, "rtt": rtt}, "layout": {"chunk_size": chunk}}
        write(root, "chunk-size", workload, strategy, config, own_s=CHUNKS[chunk])
    rebuild_runs(root)


def write_landmarks(root):
    sources = [("throttled", "access"), ("throttled", "size"), ("second", "access")]
    for workload, (trace, order), share in itertools.product(WORKLOADS, sources, SHARES):
        for rate, rtt in itertools.product(RATES, RTTS):
            landmark = {"share": share, "order": order, "trace": trace}
            config = {"network": {"rate": rate, "rtt": rtt}, "layout": {"landmark": landmark}}
            write(root, "landmark", workload, "prefetch", config, own_s=2.0 - share)
    rebuild_runs(root)


def write(root, experiment, workload, strategy, config, *, own_s):
    network = config["network"]
    size, share, requests, _ = WORKLOADS[workload]
    tables = run_tables(
        strategy,
        size,
        share=share,
        requests=requests,
        own_s=own_s,
        rate=RATES[network["rate"]],
        rtt=RTTS[network["rtt"]],
    )
    write_run(root, manifest(experiment, workload, strategy, config), tables)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    write_chunks(folder / "chunk-size")
    write_landmarks(folder / "landmark")
    return folder


@pytest.fixture
def executed(monkeypatch):
    monkeypatch.setattr(startup, "NOTEBOOK", NOTEBOOK)
    return startup.executed


def test_it_runs_on_results(executed, results, tmp_path):
    outputs = executed(results, tmp_path)
    for cell in ("lazy", "prefetch", "share"):
        assert len(startup.pictures(outputs[cell])) == 1
    for cell in ("lazy-table", "prefetch-table", "share-table", "order"):
        assert "numpy" in startup.texts(outputs[cell])


def test_without_results_it_says_what_to_run(executed, tmp_path):
    outputs = executed(tmp_path / "missing", tmp_path)
    said = startup.texts(outputs["load"])
    assert "lazypull run experiments/chunk-size/config.yaml" in said
    assert "lazypull run experiments/landmark/config.yaml" in said
    assert not any(outputs[cell] for cell in outputs if cell != "load")


def test_it_is_stored_without_outputs():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert all(not cell.outputs and cell.execution_count is None for cell in notebook.cells if cell.cell_type == "code")
    nbformat.validate(notebook)


def test_panels_have_a_workload_and_a_quantity_each_with_units(results):
    runs = load_results(results / "chunk-size")
    figure = draw_layouts(runs[runs["strategy"] == "lazy"], CHUNK_SIZE, what="lazy")
    assert len(figure.axes) == 3 * len(WORKLOADS)
    assert all("simulated" in axes.get_title(loc="left") for axes in figure.axes[: len(WORKLOADS)])
    labels = [axes.get_ylabel() for axes in figure.axes if axes.get_ylabel()]
    assert labels == ["ready after (s)", "fetched until ready (MB)", "HTTP requests"]
    assert "KiB" in figure.get_supxlabel()
    assert len(figure.axes[0].lines) == len(RATES) * len(RTTS)


def test_x_is_in_the_unit_of_its_label(results):
    chunks = layout_table(load_results(results / "chunk-size"), CHUNK_SIZE)
    shares = layout_table(load_results(results / "landmark"), SHARE)
    assert sorted(chunks["x"].unique()) == [64, 1024, 4096]
    assert sorted(shares["x"].unique()) == [0, 50, 100]


def test_relative_is_to_the_reference_value(results):
    runs = load_results(results / "chunk-size")
    table = relative_table(runs[runs["strategy"] == "lazy"], CHUNK_SIZE, "4 MiB")
    assert list(table.columns) == ["64 KiB", "1 MiB", "4 MiB"]
    assert (table["4 MiB"] == 1.0).all()
    assert (table["64 KiB"] < table["1 MiB"]).all()

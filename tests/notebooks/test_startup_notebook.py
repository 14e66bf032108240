"""The notebook runs from top to bottom on results, and says what to do where there are none."""

import base64
from pathlib import Path

import nbformat
import pytest
from nbconvert.preprocessors import ExecutePreprocessor

from tests.report.fake_results import write_image_size, write_startup

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "startup.ipynb"


def executed(results, folder):
    """The notebook's outputs by cell, run with its kernel in `folder`."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    parameters = next(cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", []))
    parameters.source = f"RESULTS = {str(results)!r}"
    ExecutePreprocessor(timeout=300, kernel_name="python3").preprocess(notebook, {"metadata": {"path": str(folder)}})
    return {cell.id: cell.outputs for cell in notebook.cells if cell.cell_type == "code"}


def pictures(outputs):
    return [base64.b64decode(output.data["image/png"]) for output in outputs if "image/png" in output.get("data", {})]


def texts(outputs):
    return " ".join(str(output.get("data", output)) for output in outputs)


@pytest.mark.parametrize("write", [write_startup, write_image_size])
def test_it_runs_on_results(write, tmp_path):
    outputs = executed(write(tmp_path / "results"), tmp_path)
    for cell in ("phases", "rate", "shares", "distance"):
        assert len(pictures(outputs[cell])) == 1
    assert "clairvoyant" in texts(outputs["table"])
    assert "_core.cpython" in texts(outputs["stalls"])


def test_without_results_it_says_make_run_and_shows_nothing(tmp_path):
    outputs = executed(tmp_path / "missing", tmp_path)
    assert "make run" in texts(outputs["load"])
    assert not any(outputs[cell] for cell in outputs if cell != "load")


def test_it_is_stored_without_outputs():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert all(not cell.outputs and cell.execution_count is None for cell in notebook.cells if cell.cell_type == "code")
    nbformat.validate(notebook)

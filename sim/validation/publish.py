"""Results → the tables, the picture and the document that are committed."""

from pathlib import Path

from sim.core.errors import BadInput
from sim.core.files import write_file
from sim.validation.committed import FOLDER, read_faults, read_tables, write_drift, write_tables
from sim.validation.compare import compare
from sim.validation.document import document
from sim.validation.drift import drift

DOCUMENT_FILE = "validation.md"
PICTURE = Path("images", "validation.png")


def publish(folder: Path, docs: Path) -> list[Path]:
    """Compare the runs of `folder` and write all that is committed below `docs`; returns the paths.

    Raises `BadInput` where nothing was registered before measuring: such a comparison is no validation.
    """
    comparison = compare(folder)
    if not comparison.registration:
        raise BadInput(f"{folder}: nothing was registered before measuring; run `lazypull testbed validate`")
    written = write_tables(comparison, docs)
    return [*written, write_file(docs / PICTURE, _scatter(docs)), write_document(docs)]


def publish_drift(first: Path, later: Path, docs: Path) -> list[Path]:
    """Write the table of the drift, and the document again if there is one; returns the paths."""
    written = [write_drift(drift(first, later), docs)]
    return [*written, write_document(docs)] if (docs / FOLDER / "cells.csv").is_file() else written


def write_document(docs: Path) -> Path:
    """The document from the committed tables alone; returns its path."""
    return write_file(docs / DOCUMENT_FILE, document(read_tables(docs), read_faults(docs)).encode())


def _scatter(docs: Path) -> bytes:
    from sim.report.style import png  # matplotlib, only where it is needed
    from sim.validation.figures import draw_totals, label

    comparison = read_tables(docs)
    return png(draw_totals(comparison.of("total"), note=label(comparison)))

"""`lazypull validation`: measured against simulated runs of one experiment."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from sim.validation.comparison import Comparison

_results = click.argument("results", type=click.Path(path_type=Path))
_docs = click.option("--docs", type=click.Path(path_type=Path), default=Path("docs"), show_default=True)


@click.group()
def validation() -> None:
    """Compare the measured with the simulated runs of one experiment (RESULTS, as `testbed validate` fills it)."""


@validation.command()
@_results
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of tables.")
def show(results: Path, as_json: bool) -> None:
    """Print what holds, the errors by preset and phase, and every cell's total."""
    from sim.validation.compare import compare

    comparison = compare(results)
    click.echo(_json(comparison) if as_json else _text(comparison))


@validation.command()
@_results
@click.option("--out", type=click.Path(path_type=Path), help="Folder.  [default: RESULTS/validation-page]")
def page(results: Path, out: Path | None) -> None:
    """Write one HTML page with the figures beside it."""
    from sim.validation.page import write_page

    click.echo(write_page(results, out))


@validation.command()
@_results
@_docs
def publish(results: Path, docs: Path) -> None:
    """Write the tables that are committed, and the document from them, below the folder DOCS."""
    from sim.validation import publish as publishing

    for path in publishing.publish(results, docs):
        click.echo(path)


@validation.command()
@_docs
def document(docs: Path) -> None:
    """Write the document again from the committed tables."""
    from sim.validation import publish as publishing

    click.echo(publishing.write_document(docs))


@validation.command()
@click.argument("first", type=click.Path(path_type=Path))
@click.argument("later", type=click.Path(path_type=Path))
@_docs
def drift(first: Path, later: Path, docs: Path) -> None:
    """Compare cells measured in FIRST with the same ones measured hours LATER."""
    from sim.validation import publish as publishing

    for path in publishing.publish_drift(first, later, docs):
        click.echo(path)


@validation.command()
@_results
@click.option("--over", default="default", show_default=True, help="Strategy that the others are compared with.")
@click.option("--out", type=click.Path(path_type=Path), help="CSV file to write the rows to as well.")
def gain(results: Path, over: str, out: Path | None) -> None:
    """Print what each other strategy of RESULTS saves over one, as predicted and as measured."""
    from sim.cli.table import format_table
    from sim.core.files import write_file
    from sim.validation.compare import compare
    from sim.validation.gain import GainRow, gains
    from sim.validation.tables import to_csv
    from sim.validation.words import percent, seconds

    rows = gains(compare(results).of("total"), over)
    header = [
        "workload",
        "network",
        "strategy",
        f"{over} s",
        "measured s",
        "gain",
        "lowest",
        "highest",
        "predicted",
        "",
    ]
    cells = [
        [
            *(row.workload, row.network, row.strategy, seconds(row.over_measured_s), seconds(row.measured_s)),
            *map(percent, (row.measured_gain, row.measured_low, row.measured_high, row.simulated_gain)),
            row.verdict,
        ]
        for row in rows
    ]
    click.echo(format_table(header, cells, left=3))
    if out is not None:
        write_file(out, to_csv(rows, GainRow).encode())


def _text(comparison: "Comparison") -> str:
    from sim.cli.table import format_table
    from sim.validation.findings import findings
    from sim.validation.overall import overall
    from sim.validation.registration import breaches
    from sim.validation.words import percent, seconds

    held = [[found.what, found.required, found.found, found.verdict] for found in findings(comparison)]
    errors = [
        [
            row.strategy,
            row.quantity,
            str(row.cells),
            str(row.missed),
            *(percent(value, sign=False) for value in (row.median, row.p95, row.within)),
            percent(row.bias),
        ]
        for row in overall(comparison.cells)
    ]
    cells = [
        [
            *(row.workload, row.network, row.strategy),
            seconds(row.measured_s),
            percent(row.measured_cv, sign=False),
            seconds(row.simulated_s),
            percent(row.error),
            "" if row.resolved else f"{row.status}: {row.note}",
        ]
        for row in comparison.of("total")
    ]
    error_header = ["preset", "phase", "cells", "missed", "median", "p95", "within 12 %", "bias"]
    cell_header = ["workload", "network", "preset", "measured s", "CV", "simulated s", "error", ""]
    return "\n\n".join(
        [
            *breaches(comparison.registration, comparison.provenance, comparison.runs),
            format_table(["", "required", "found", "holds"], held, left=4),
            format_table(error_header, errors, left=2),
            format_table(cell_header, cells, left=3),
        ]
    )


def _json(comparison: "Comparison") -> bytes:
    import msgspec

    from sim.validation.findings import findings
    from sim.validation.overall import overall

    content = {
        "experiment": comparison.experiment,
        "registered": bool(comparison.registration),
        "findings": findings(comparison),
        "overall": overall(comparison.cells),
        "cells": comparison.cells,
        "requests": comparison.requests,
        "ranking": comparison.ranking,
        "residue": comparison.residue,
    }
    return msgspec.json.format(msgspec.json.encode(content), indent=1)

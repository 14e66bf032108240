"""`compare`: a folder with measured and simulated runs of one experiment → how far they are apart."""

from collections.abc import Sequence
from pathlib import Path

from sim.core.errors import BadInput
from sim.report.provenance import provenance
from sim.validation.cells import cell_rows
from sim.validation.comparison import Comparison
from sim.validation.ranking import ranking
from sim.validation.registration import read_earlier, read_registration
from sim.validation.requests import requests_row
from sim.validation.residue import residue
from sim.validation.runs import MEASURED, SIMULATED, Run, by_cell, done, read_runs


def compare(folder: Path) -> Comparison:
    """Pair the runs of one experiment by cell. Raises `BadInput` when one of the two sources is not there.

    A cell is workload, strategy, rate and round trip; replicates of either source are brought together by their median.
    A cell that was only simulated is left out as having no counterpart, unless it was registered: then it is missed.
    """
    runs = read_runs(folder)
    registration = read_registration(folder)
    groups = by_cell(runs, registration.get("planned", ()))
    if all(run.row.source != MEASURED for run in runs):
        raise BadInput(f"{folder}: nothing measured here; run `lazypull testbed validate` or `testbed measure` first")
    if all(run.row.source != SIMULATED for run in runs):
        raise BadInput(f"{folder}: nothing simulated here; run the same experiment file with `lazypull run`")
    cells = [row for cell, group in groups.items() for row in cell_rows(cell, group)]
    totals = [row for row in cells if row.quantity == "total"]
    return Comparison(
        experiment=runs[0].stored.manifest.experiment,
        registration=registration,
        earlier=read_earlier(folder),
        provenance=_provenance([run for group in groups.values() for run in group]),
        runs=tuple(run.row for group in groups.values() for run in group),
        cells=tuple(cells),
        requests=tuple(requests_row(cell, group) for cell, group in groups.items()),
        ranking=tuple(ranking(totals)),
        residue=tuple(residue(totals, groups)),
    )


def _provenance(runs: Sequence[Run]) -> dict[str, str]:
    """Facts of all runs; the model's version of the simulated ones, since measured runs have none."""
    versions = {run.stored.manifest.model_version for run in done(runs, SIMULATED)}
    return {**provenance(run.stored.manifest for run in runs), "model version": ", ".join(sorted(versions))}

"""`docs/validation.md` as text, from the committed tables and nothing else."""

from sim.validation.comparison import Comparison
from sim.validation.document_cells import cells, missed, phases
from sim.validation.document_logs import drift, ranking, requests, residues
from sim.validation.findings import findings
from sim.validation.markdown import bullets, section, table
from sim.validation.overall import ErrorRow, overall
from sim.validation.registration import breaches, facts
from sim.validation.words import NONE, percent

METHOD = """Both sources ran the same experiment file and fill the same result schema (docs/results.md). A *cell* is a
workload, a preset, a link rate and a round trip. Its measured runs are cold starts on the real stack (real registry
behind a shaped link, containerd, runc, the stargz snapshotter; page cache dropped, empty roots), in an order shuffled
by the seed (series after 2026-11-28: link by link, the fastest first); its simulated runs know only the recorded
traces, the layouts, the network of the experiment file and the host constants, whose digest was written down before
anything was measured.

* **Error** = simulated ÷ measured − 1, of the medians over the runs of each source.
* **Percentiles over cells** take the value at place ⌈q · (n − 1)⌉ of the sorted ones (numpy's "higher"): never
  interpolated, so never flattering.
* **Missed**: a cell whose measured totals have a coefficient of variation above 5 % (sample standard deviation ÷ mean)
  or fewer than 3 runs is *unresolved*; one without a number on either side is *failed*. Both count as infinitely
  wrong in median, percentile and the share within 12 %; the columns "resolved" leave them out.
* **Share of the total**: a phase's difference in seconds ÷ the measured total of its cell, since a phase of a few
  milliseconds may be half off and not matter.
* A measured and a simulated number never share a column."""


def document(comparison: Comparison, faults: str = "") -> str:
    """The whole document. faults: Markdown on what the real stack does when something breaks."""
    label = "**SYNTHETIC: some of these runs are made up, not measured.**" if comparison.synthetic else ""
    head = (
        "# Validation: measured against simulated\n\n"
        "Generated from the tables in [validation/](validation/) by `lazypull validation publish`; do not edit."
    )
    parts = [
        head,
        label,
        _found(comparison),
        section("Where and when", _provenance(comparison), _registered(comparison)),
        section("Method", METHOD),
        section("Errors by preset and phase", *_errors(comparison)),
        ranking(comparison),
        requests(comparison),
        cells(comparison),
        phases(comparison),
        missed(comparison),
        residues(comparison),
        drift(comparison),
        section("When something breaks", faults) if faults else "",
        section(
            "What the model leaves out",
            'See [model.md](model.md#what-is-left-out-and-its-effect), table "What is left out, and its effect".',
        ),
        section("Where each number is from", _commands(comparison)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _found(comparison: Comparison) -> str:
    rows = [[found.what, found.required, found.found, found.verdict] for found in findings(comparison)]
    return section(
        "What was found",
        table(["", "required", "found", "holds"], rows, left=4),
        "![Measured against simulated total time, a dot a cell](images/validation.png)",
    )


def _provenance(comparison: Comparison) -> str:
    times = sorted(run.measured_at for run in comparison.runs if run.measured_at)
    when = {"measured": f"{times[0]} to {times[-1]}"} if times else {}
    known = {**comparison.provenance, **when}
    known.pop("measured at", None)
    return table(["", ""], [[name, text] for name, text in known.items()], left=2)


def _registered(comparison: Comparison) -> str:
    rows = [[name, text] for name, text in facts(comparison.registration)]
    found = breaches(comparison.registration, comparison.provenance, comparison.runs)
    lead = "Registered before the first measurement ([registration.json](validation/registration.json)):"
    parts = [lead, table(["registered", ""], rows, left=2), bullets([f"**{text}**" for text in found])]
    return "\n\n".join(part for part in (*parts, _earlier(comparison)) if part)


def _earlier(comparison: Comparison) -> str:
    """The rounds before: what was registered then and took part in mending the model since."""
    names = ("registered_at", "model_version", "host_digest", "cells", "real_runs_stored_before")
    rows = [
        [f"[{file}](validation/{file})", *(str(content.get(name, NONE)) for name in names)]
        for file, content in comparison.earlier.items()
    ]
    return table(["earlier registrations", *(name.replace("_", " ") for name in names)], rows, left=4)


def _errors(comparison: Comparison) -> list[str]:
    rows = overall(comparison.cells)
    lead = (
        "Absolute errors over cells: median and 95th percentile with missed cells as infinitely wrong, then over the "
        "resolved cells alone. Bias: median of the signed error. The last column is the 95th percentile of the "
        "absolute difference as a share of the measured total."
    )
    header = ["preset", "phase", "cells", "missed", "median", "p95", "within 12 %", "resolved median", "resolved p95"]
    return [lead, table([*header, "bias", "p95 ÷ total"], [_error(row) for row in rows], left=2)]


def _error(row: ErrorRow) -> list[str]:
    plain = (row.median, row.p95, row.within, row.resolved_median, row.resolved_p95)
    return [
        row.strategy,
        f"**{row.quantity}**" if row.quantity == "total" else row.quantity,
        str(row.cells),
        str(row.missed),
        *(percent(value, sign=False) for value in plain),
        percent(row.bias),
        percent(row.share_p95, sign=False),
    ]


def _commands(comparison: Comparison) -> str:
    command = comparison.registration.get("command", "lazypull testbed validate CONFIG")
    rows = [
        ["every measured and simulated run (`validation/runs.csv`)", f"`{command}`"],
        ["all tables, the picture and this document", f"`lazypull validation publish results/{comparison.experiment}`"],
        ["the tables on a terminal", f"`lazypull validation show results/{comparison.experiment}`"],
        ["the page with all figures", f"`lazypull validation page results/{comparison.experiment}`"],
    ]
    if comparison.drift:
        rows.append(["drift", "`lazypull validation drift FIRST LATER`, on the results of both series"])
    return table(["numbers", "command"], rows, left=2)

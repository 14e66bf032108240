"""The tables of a validation as they are committed: `docs/validation/`, one CSV a table and two JSON files."""

from pathlib import Path
from typing import Any

import msgspec

from sim.core.errors import BadBundle
from sim.core.files import write_file
from sim.validation.comparison import CellRow, Comparison, DriftRow, PairRow, RequestsRow, ResidueRow
from sim.validation.registration import REGISTRATION_FILE, read_earlier, read_registration
from sim.validation.runs import RunRow
from sim.validation.tables import from_csv, to_csv

FOLDER = "validation"
TABLES: dict[str, type[msgspec.Struct]] = {
    "runs": RunRow,
    "cells": CellRow,
    "requests": RequestsRow,
    "ranking": PairRow,
    "residue": ResidueRow,
}
DRIFT_FILE = "drift.csv"
FAULTS_FILE = "faults.md"
PROVENANCE_FILE = "provenance.json"


class Facts(msgspec.Struct, frozen=True):
    """What `provenance.json` holds."""

    experiment: str
    facts: dict[str, str]


def write_tables(comparison: Comparison, docs: Path) -> list[Path]:
    """Write all tables but the drift, which has a command of its own; returns their paths."""
    folder = docs / FOLDER
    facts = Facts(comparison.experiment, dict(comparison.provenance))
    return [
        *(
            write_file(folder / f"{name}.csv", to_csv(getattr(comparison, name), kind).encode())
            for name, kind in TABLES.items()
        ),
        write_file(folder / PROVENANCE_FILE, _json(facts)),
        write_file(folder / REGISTRATION_FILE, _json(comparison.registration)),
        *(write_file(folder / name, _json(content)) for name, content in comparison.earlier.items()),
    ]


def write_drift(rows: list[DriftRow], docs: Path) -> Path:
    """Write the drift's table; returns its path."""
    return write_file(docs / FOLDER / DRIFT_FILE, to_csv(rows, DriftRow).encode())


def read_tables(docs: Path) -> Comparison:
    """What is committed below `docs`. Raises `BadBundle` when a table is missing or damaged."""
    folder = docs / FOLDER
    tables: dict[str, Any] = {name: from_csv(folder / f"{name}.csv", kind) for name, kind in TABLES.items()}
    drift = folder / DRIFT_FILE
    facts = _facts(folder / PROVENANCE_FILE)
    return Comparison(
        experiment=facts.experiment,
        registration=read_registration(folder),
        earlier=read_earlier(folder),
        provenance=facts.facts,
        drift=from_csv(drift, DriftRow) if drift.is_file() else (),
        **tables,
    )


def read_faults(docs: Path) -> str:
    """The fragment on faults that `lazypull testbed faults` wrote; empty where it never did."""
    file = docs / FOLDER / FAULTS_FILE
    return file.read_text("utf-8").strip() if file.is_file() else ""


def _facts(file: Path) -> Facts:
    try:
        return msgspec.json.decode(file.read_bytes(), type=Facts)
    except (OSError, msgspec.DecodeError) as error:
        raise BadBundle(f"{file}: {error}; run `lazypull validation publish` on the results") from None


def _json(value: Any) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value, order="sorted"), indent=1) + b"\n"

"""Rows ↔ CSV files that are committed: sorted as given, numbers with six significant digits, nothing for None."""

import csv
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from sim.core.errors import BadBundle

Row = TypeVar("Row", bound=msgspec.Struct)
DIGITS = 6  # of a float; whole numbers are written whole


def to_csv(rows: Sequence[msgspec.Struct], kind: type[msgspec.Struct]) -> str:
    """The rows as CSV under the names of their fields."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = kind.__struct_fields__
    writer.writerow(names)
    writer.writerows([_text(getattr(row, name)) for name in names] for row in rows)
    return text.getvalue()


def from_csv(file: Path, kind: type[Row]) -> tuple[Row, ...]:
    """Read rows back. Raises `BadBundle` when the file is missing or does not hold such rows."""
    try:
        with file.open(encoding="utf-8", newline="") as stream:
            return tuple(msgspec.convert(_values(row), kind, strict=False) for row in csv.DictReader(stream))
    except OSError:
        raise BadBundle(f"{file}: is missing; run `lazypull validation publish` on the results") from None
    except (msgspec.ValidationError, csv.Error) as error:
        raise BadBundle(f"{file}: {error}; run `lazypull validation publish` again") from None


def _text(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case float():
            return f"{value:.{DIGITS}g}"
        case _:
            return str(value)


def _values(row: dict[str, Any]) -> dict[str, Any]:
    return {name: None if text == "" else text for name, text in row.items()}

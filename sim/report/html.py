"""Pieces of the page: text made safe, tables, figures with their data inside."""

import base64
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Column:
    """A column of an HTML table: heading, how a value becomes text, and what stands for none. Numbers stand right."""

    title: str
    show: Callable[[Any], str] = str
    number: bool = True
    missing: str = "–"


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure as it goes into the page and beside it: file name without ending, PNG, what it shows in words."""

    name: str
    png: bytes
    caption: str


def paragraph(text: str, *, kind: str = "") -> str:
    """One paragraph of plain text."""
    return f'<p class="{kind}">{escape(text)}</p>' if kind else f"<p>{escape(text)}</p>"


def bullets(items: Sequence[str]) -> str:
    """A list of plain texts; nothing for none."""
    return f"<ul>{''.join(f'<li>{escape(item)}</li>' for item in items)}</ul>" if items else ""


def facts(values: Mapping[str, str]) -> str:
    """Names with their values."""
    return f"<dl>{''.join(f'<dt>{escape(name)}</dt><dd>{escape(text)}</dd>' for name, text in values.items())}</dl>"


def picture(image: Picture) -> str:
    """The figure with its bytes inside, so that the page needs no other file."""
    data = base64.b64encode(image.png).decode()
    caption = escape(image.caption)
    return (
        f'<figure><img src="data:image/png;base64,{data}" alt="{caption}"><figcaption>{caption}</figcaption></figure>'
    )


def table(frame: "pd.DataFrame", columns: Mapping[str, Column], *, caption: str = "", sortable: bool = False) -> str:
    """The named columns of a frame. A missing value is never shown as 0.

    sortable: a click on a heading sorts; each cell carries the value it sorts by.
    """
    heads = "".join(f'<th scope="col"{_number(column)}>{escape(column.title)}</th>' for column in columns.values())
    rows = "".join(
        f"<tr>{''.join(_cell(value, column) for value, column in zip(values, columns.values(), strict=True))}</tr>"
        for values in frame[list(columns)].itertuples(index=False, name=None)
    )
    head = f"<caption>{escape(caption)}</caption>" if caption else ""
    kind = ' class="sortable"' if sortable else ""
    return f'<div class="wide"><table{kind}>{head}<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>'


def _cell(value: Any, column: Column) -> str:
    missing = value is None or (isinstance(value, float) and math.isnan(value))
    text = column.missing if missing else column.show(value)
    return f'<td{_number(column)} data-value="{escape("" if missing else str(value))}">{escape(text)}</td>'


def _number(column: Column) -> str:
    return ' class="number"' if column.number else ""

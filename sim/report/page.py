"""The page: a head that says what was found, a table of contents, sections, and where the numbers come from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files

from sim.report import html
from sim.report.html import Picture


@dataclass(frozen=True, slots=True)
class Section:
    """One heading of the page: text, pictures, tables, in this order. `lead` is plain text, `tables` HTML."""

    anchor: str
    title: str
    lead: str
    pictures: tuple[Picture, ...] = ()
    tables: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Head:
    """The first screen. `finding` and `compared` are plain text, `tables` HTML."""

    title: str
    finding: str
    compared: str
    notes: tuple[str, ...]
    tables: tuple[str, ...]


def page(head: Head, sections: Sequence[Section], provenance: Mapping[str, str]) -> str:
    """One self-contained HTML document."""
    style = files("sim.report").joinpath("page.css").read_text("utf-8")
    script = files("sim.report").joinpath("page.js").read_text("utf-8")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(head.title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n"
        f"{_header(head, sections)}\n<main>\n{''.join(_section(section) for section in sections)}</main>\n"
        f"<footer><h3>Where these numbers come from</h3>{html.facts(provenance)}</footer>\n"
        f"<script>\n{script}</script>\n</body>\n</html>\n"
    )


def _header(head: Head, sections: Sequence[Section]) -> str:
    entries = "".join(f'<li><a href="#{section.anchor}">{escape(section.title)}</a></li>' for section in sections)
    return (
        f"<header><h1>{escape(head.title)}</h1>{html.paragraph('Compared: ' + head.compared, kind='note')}"
        f"{html.paragraph(head.finding, kind='finding')}{''.join(head.tables)}{html.bullets(head.notes)}"
        f'<nav aria-label="Contents"><ol>{entries}</ol></nav></header>'
    )


def _section(section: Section) -> str:
    pictures = "".join(html.picture(picture) for picture in section.pictures)
    return (
        f'<section><h2 id="{section.anchor}">{escape(section.title)}</h2>{html.paragraph(section.lead)}'
        f"{pictures}{''.join(section.tables)}</section>\n"
    )

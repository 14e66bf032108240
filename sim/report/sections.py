"""The sections of the page, each drawn only when its data are there and vary."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sim.report import style, tables
from sim.report.axes import at, describe, differ, reference, slice_along, varied_axes
from sim.report.cells import panels_of
from sim.report.crossings import NOT_COMPARED, crossings
from sim.report.figures.causes import cause_table, draw_causes
from sim.report.figures.distance import draw_distance
from sim.report.figures.images import draw_images
from sim.report.figures.lines import draw_lines
from sim.report.figures.phases import draw_phases
from sim.report.figures.shares import WHAT_IFS, draw_shares
from sim.report.html import Picture
from sim.report.page import Section
from sim.report.stalls import stall_table

if TYPE_CHECKING:
    import pandas as pd

    from sim.report.axes import Axis
    from sim.report.source import Results

MOST_CELLS_ACROSS = 12  # columns of a distance table that can still be read
MOST_CROSSINGS = 60  # rows of a crossings table over the whole grid; beyond, only those through the reference


@dataclass(frozen=True)
class Material:
    """Results with their reference cell."""

    results: "Results"

    @property
    def frame(self) -> "pd.DataFrame":
        """All runs."""
        return self.results.frame

    @cached_property
    def cell(self) -> dict[str, Any]:
        """The reference cell, value by varied column."""
        return reference(self.frame)

    @property
    def where(self) -> str:
        """The reference cell in words."""
        return describe(self.cell)

    @cached_property
    def rows(self) -> "pd.DataFrame":
        """Runs of the reference cell."""
        return at(self.frame, self.cell)

    @cached_property
    def single(self) -> "pd.DataFrame":
        """Of these one run a workload and preset: simulated where there is one, the first replicate."""
        ordered = self.rows.sort_values(["source", "replicate"], kind="stable")  # "model" < "real"
        return ordered.drop_duplicates(["workload", "strategy"])


def sections(material: Material) -> list[Section]:
    """All sections that these results have something for, in order."""
    found = [
        _phases(material),
        _images(material),
        *(_lines(material, axis) for axis in varied_axes(material.frame)),
        _causes(material),
        _shares(material),
        _distance(material),
        _stalls(material),
        _cells(material),
    ]
    return [section for section in found if section is not None]


def _phases(material: Material) -> Section:
    lead = (
        "Pull: until the client says the image is pulled. Create: until the container exists; start: until its first "
        "instruction; ready: until its readiness rule holds. The number is the total."
    )
    varies = material.rows.duplicated(["workload", "strategy", "source"]).any()
    caption = "Time until ready by phase" + (f", at {material.where}" if material.cell else "")
    caption += ". Whiskers: smallest and largest of the replicates." if varies else "."
    figure = Picture("phases", style.png(draw_phases(material.rows, where=material.where)), caption)
    return Section("phases", "Phases", lead, (figure,))


def _images(material: Material) -> Section | None:
    if material.rows["workload"].nunique() < 3:
        return None
    caption = "Pull time and time until ready against image size. The lines only join a preset's dots."
    figure = Picture("images", style.png(draw_images(material.rows, where=material.where)), caption)
    lead = "The images differ in more than size: how much of each is read, and by how many requests, matters as much."
    return Section("images", "Time against the image", lead, (figure,))


def _lines(material: Material, axis: "Axis") -> Section | None:
    rows, held = slice_along(material.frame, axis, material.cell)
    where = describe(held)
    if not any(differ(part[axis.column]) for part in panels_of(rows).values()):
        return None
    noun = axis.noun.replace(" ", "-")
    caption = (
        f"Time until ready against {axis.noun}{', at ' + where if where else ''}. "
        "Dotted lines: where a preset and the full pull take equally long."
    )
    figure = Picture(f"time-against-{noun}", style.png(draw_lines(rows, axis, where=where)), caption)
    meets = crossings(material.frame, axis.column)
    meets = meets if len(meets) <= MOST_CROSSINGS else crossings(rows, axis.column)
    lead = (
        "Both axes are logarithmic. Between grid points a crossing is interpolated, taking the ratio as a power of x."
    )
    table = () if meets.empty else (tables.crossings_html(meets, axis),)
    return Section(f"by-{noun}", f"Time against {axis.noun}", lead, (figure,), table)


def _causes(material: Material) -> Section | None:
    by_workload: dict[str, Mapping[str, pd.DataFrame]] = {}
    for title, rows in panels_of(material.single).items():
        by_preset = {}
        for row in _in_order(rows):
            requests = material.results.run(row.run).requests.to_pandas()
            if not requests.empty:
                by_preset[row.strategy] = cause_table(
                    requests, ready_s=row.total_s, at_end_bytes=row.fetched_at_end_bytes
                )
        if by_preset:
            by_workload[title] = by_preset
    if not by_workload:
        return None
    lead = (
        "Each HTTP request has one cause. Foreground: a read of the workload waited for it. "
        "A number a + b is until ready and after it; a simulated run does not count the requests after ready."
    )
    caption = "Bytes in request bodies and number of requests by cause; pale what was asked for after ready."
    png = style.png(draw_causes(by_workload, where=material.where))
    return Section("causes", "Bytes and requests", lead, (Picture("causes", png, caption),))


def _shares(material: Material) -> Section | None:
    known = material.rows[material.rows["share_rate_s"].notna()]
    if known.empty:
        return None
    lead = (
        "The shares follow the chain of events that ends at ready and add up to the total. Several causes bind at "
        "once, so a share is not what removing its cause would save."
    )
    caption = "Where the time until ready went."
    if known[list(WHAT_IFS)].notna().any(axis=None):
        lead += " The marks show the total of a run without it."
        caption += " Marks: total with one cause idealised."
    png = style.png(draw_shares(known, where=material.where))
    return Section("shares", "Where the time went", lead, (Picture("shares", png, caption),))


def _distance(material: Material) -> Section | None:
    known = material.frame[material.frame["clairvoyant_total_s"].notna()]
    known = known[known["strategy"] != NOT_COMPARED]
    axes = varied_axes(known)
    if known.empty:
        return None
    lead = (
        "The clairvoyant knows the trace: from time 0 it streams exactly what will be needed, in order of need, in one "
        "round trip. No way of fetching these bytes is sooner."
    )
    grid = known[[axis.column for axis in axes]].drop_duplicates()
    readable = len(grid) <= MOST_CELLS_ACROSS and not grid.isna().any(axis=None)
    groups = [axes] if readable else [[axis] for axis in axes]
    pictures = [_distances(material, known, group) for group in groups] if axes else []
    table = () if axes else (tables.cells_html(known),)
    return Section("distance", "Distance to the clairvoyant", lead, tuple(pictures), table)


def _distances(material: Material, known: "pd.DataFrame", group: list["Axis"]) -> Picture:
    rows, held = (known, {}) if len(group) > 1 else slice_along(known, group[0], material.cell)
    name = "-".join(["distance", *(axis.noun.replace(" ", "-") for axis in group)])
    caption = f"Time until ready ÷ the clairvoyant's{', at ' + describe(held) if held else ''}."
    return Picture(name, style.png(draw_distance(rows, group)), caption)


def _stalls(material: Material) -> Section | None:
    files = {}
    for title, rows in panels_of(material.single[material.single["strategy"] == "lazy"]).items():
        for row in _in_order(rows):
            files[f"{title} · {row.strategy}"] = stall_table(material.results.run(row.run).spans.to_pandas())
    parts = tuple(tables.stalls_html(files))
    if not parts:
        return None
    lead = (
        f"Under lazy pulling{', at ' + material.where if material.cell else ''}. Stalls of several threads all count."
    )
    return Section("stalls", "Files that stalled it longest", lead, (), parts)


def _cells(material: Material) -> Section:
    lead = "Every cell of the experiment. A dash: the quantity does not apply or was not measured."
    return Section("cells", "All cells", lead, (), (tables.cells_html(material.frame),))


def _in_order(frame: "pd.DataFrame") -> list[Any]:
    rows: dict[str, Any] = {str(row.strategy): row for row in frame.itertuples()}
    return [rows[preset] for preset in style.in_order(list(rows))]

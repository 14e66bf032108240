"""The tables of the page as HTML."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sim.core.units import format_size
from sim.report import style
from sim.report.axes import differ, heading, say, varied
from sim.report.cells import FACTOR, PHASES, SOURCES, cells, with_factor, workloads
from sim.report.crossings import CROSSING_COLUMNS, sides
from sim.report.html import Column, table

if TYPE_CHECKING:
    import pandas as pd

    from sim.report.axes import Axis


def seconds(value: float) -> str:
    """Seconds to the centisecond; less than one to the millisecond."""
    return f"{value:.2f}" if value >= 1 else f"{value:.3f}"


def factor(value: float) -> str:
    """How many times."""
    return f"×{value:.2f}"


def soonest_html(rows: "pd.DataFrame") -> str:
    """The first screen's table: one row a workload."""
    columns = {
        "workload": Column("workload", number=False),
        "image_bytes": Column("image", format_size),
        "soonest": Column("ready first", number=False),
        "soonest_s": Column("after (s)", seconds),
        "full_s": Column("full pull (s)", seconds),
        "speedup": Column("full ÷ first", factor),
        FACTOR: Column("× clairvoyant", factor),
    }
    return table(rows, columns)


def crossings_html(rows: "pd.DataFrame", axis: "Axis") -> str:
    """Which of a preset and the full pull is sooner, and from where on: a row a place, a column a preset."""
    held = [name for name in rows.columns if name not in CROSSING_COLUMNS]
    keys = ["workload", "source", *held]
    words = rows.groupby([*keys, "strategy"], dropna=False, sort=False)[["crossing", "below", "above"]].apply(
        lambda pair: sides(pair, axis.format)
    )
    wide = words.unstack("strategy").reset_index()  # noqa: PD010 - pivot_table drops rows without a held value
    columns = {
        "workload": Column("workload", number=False),
        **_source(rows),
        **{name: _axis(name, number=False) for name in held},
        **{name: Column(f"{name} or full", number=False) for name in style.in_order(rows["strategy"].to_list())},
    }
    return table(wide, columns, caption=f"Which is ready sooner, along the {axis.noun}")


def stalls_html(files: Mapping[str, "pd.DataFrame"]) -> list[str]:
    """One table a workload."""
    columns = {
        "path": Column("file", number=False),
        "seconds": Column("waited (s)", seconds),
        "share": Column("of all waiting", lambda value: f"{100 * value:.1f} %"),
        "stalls": Column("stalls"),
    }
    return [table(rows, columns, caption=title) for title, rows in files.items() if not rows.empty]


def cells_html(frame: "pd.DataFrame") -> str:
    """Every cell, one row each; replicates as their mean."""
    rows = with_factor(cells(frame))
    order = workloads(frame)
    presets = style.in_order(frame["strategy"].to_list())
    axes = varied(frame)
    rows = rows.sort_values(
        ["workload", *axes, "strategy"],
        key=lambda values: values.map(
            {"workload": order.index, "strategy": presets.index}.get(str(values.name), _same)
        ),
    )
    columns = {
        "workload": Column("workload", number=False),
        "strategy": Column("preset", number=False),
        **_source(rows),
        **{name: _axis(name) for name in axes},
        **({"runs": Column("runs")} if rows["runs"].max() > 1 else {}),
        **{f"{phase}_s": Column(f"{phase} (s)", seconds) for phase in PHASES},
        "total_s": Column("total (s)", seconds),
        FACTOR: Column("× clairvoyant", factor),
        "fetched_bytes": Column("fetched (MB)", lambda value: f"{value / 1e6:,.1f}"),
        "requests": Column("requests", lambda value: f"{value:,.0f}"),
    }
    return table(rows, columns, caption="Click a heading to sort", sortable=True)


def _source(rows: "pd.DataFrame") -> dict[str, Column]:
    """The column that tells measured from simulated, where there are both."""
    return {"source": Column("source", SOURCES.__getitem__, number=False)} if differ(rows["source"]) else {}


def _axis(column: str, *, number: bool = True) -> Column:
    """A varied column; where the config left the value open, the recording decided it."""
    return Column(heading(column), lambda value: say(column, value), number, missing="as recorded")


def _same(value: Any) -> Any:
    return value

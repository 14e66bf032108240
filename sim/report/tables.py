"""The tables of the page as HTML."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sim.core.units import format_size
from sim.report import style
from sim.report.axes import say, varied
from sim.report.cells import FACTOR, PHASES, SOURCES, cells, with_factor, workloads
from sim.report.html import Column, table

if TYPE_CHECKING:
    import pandas as pd

    from sim.report.axes import Axis


def seconds(value: float) -> str:
    """Seconds to the centisecond, or three digits where that says nothing."""
    return f"{value:.2f}" if value >= 0.1 else f"{value:.3g}"


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
    """Where presets meet the full pull; "–" where they do not within the range."""
    known = {"workload", "source", "strategy", "crossing", "below", "above"}
    held = {name: Column(name, _saying(name), number=False) for name in rows.columns if name not in known}
    columns = {
        "workload": Column("workload", number=False),
        "source": Column("source", SOURCES.__getitem__, number=False),
        **held,
        "strategy": Column("preset", number=False),
        "crossing": Column(f"meets full at {axis.noun}", axis.format),
        "below": Column("sooner below", number=False),
        "above": Column("sooner above", number=False),
    }
    return table(rows, columns, caption=f"Where a preset and the full pull take equally long, along the {axis.noun}")


def stalls_html(files: Mapping[str, "pd.DataFrame"]) -> list[str]:
    """One table a workload."""
    columns = {
        "path": Column("file", number=False),
        "seconds": Column("waited (s)", seconds),
        "share": Column("of all waiting", lambda value: f"{100 * value:.1f} %"),
        "stalls": Column("stalls"),
        "kilobytes": Column("fetched (kB)", lambda value: f"{value:,.0f}"),
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
        "source": Column("source", SOURCES.__getitem__, number=False),
        **{name: Column(_heading(name), _saying(name)) for name in axes},
        **({"runs": Column("runs")} if rows["runs"].max() > 1 else {}),
        **{f"{phase}_s": Column(f"{phase} (s)", seconds) for phase in PHASES},
        "total_s": Column("total (s)", seconds),
        "fetched_bytes": Column("fetched (MB)", lambda value: f"{value / 1e6:,.1f}"),
        "requests": Column("requests", lambda value: f"{value:,.0f}"),
        "read_amplification": Column("fetched ÷ needed", factor),
        FACTOR: Column("× clairvoyant", factor),
    }
    return table(rows, columns, caption="Click a heading to sort", sortable=True)


def _heading(column: str) -> str:
    return column.removesuffix("_bytes_s").removesuffix("_s").rpartition(".")[2].replace("_", " ")


def _saying(column: str) -> Any:
    return lambda value: say(column, value)


def _same(value: Any) -> Any:
    return value

"""Bytes and HTTP requests by what caused them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sim.core.result import REQUEST_CAUSES
from sim.report import style
from sim.report.figures import bars

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CAUSE_ORDER = tuple(name for name in style.CAUSE_COLOURS if name in REQUEST_CAUSES)


def cause_table(requests: "pd.DataFrame", *, ready_s: float, at_end_bytes: float | None = None) -> "pd.DataFrame":
    """One row a cause that occurs: `megabytes` and `requests` of requests begun before ready; `…_after`: of later ones.

    requests: of one run, with `REQUESTS_SCHEMA`. ready_s: of that run, seconds from the request. at_end_bytes: what it
    had fetched when everything was quiet; a simulated run stops recording requests at ready, and what is missing then
    was the background's to fetch: it counts as bytes after ready, of a number of requests that is not known.
    """
    import pandas as pd

    late = requests["start_s"] >= ready_s
    parts = {}
    for suffix, rows in (("", requests[~late]), ("_after", requests[late])):
        groups = rows.groupby(rows["cause"].astype(str))["bytes"]
        parts[f"megabytes{suffix}"] = groups.sum() / 1e6
        parts[f"requests{suffix}"] = groups.count()
    missing = 0.0 if at_end_bytes is None or pd.isna(at_end_bytes) else at_end_bytes - requests["bytes"].sum()
    if missing > 0:
        rest = pd.Series({"background": missing / 1e6})
        parts["megabytes_after"] = parts["megabytes_after"].add(rest, fill_value=0.0)
    table = pd.DataFrame(parts).fillna(0.0)
    return table.reindex([name for name in CAUSE_ORDER if name in table.index])


def draw_causes(tables: Mapping[str, Mapping[str, "pd.DataFrame"]], *, where: str) -> "Figure":
    """tables: title → preset → `cause_table`. A row of two panels a workload: megabytes, requests.

    Pale pieces were fetched after the container was ready.
    """
    most = max(len(presets) for presets in tables.values())
    seen = {cause for presets in tables.values() for table in presets.values() for cause in table.index}
    causes = [name for name in CAUSE_ORDER if name in seen]
    with style.look():
        figure, panels = style.panels(2 * len(tables), panel_height=bars.panel_height(most) + 0.2)
        for row, (title, presets) in enumerate(tables.items()):
            _panel(panels[2 * row], presets, "megabytes", causes)
            _panel(panels[2 * row + 1], presets, "requests", causes)
            panels[2 * row].set(title=title, xlabel="MB in request bodies")
            panels[2 * row + 1].set(title=title, xlabel="HTTP requests")
        style.legend_above(figure, causes)
        if where:
            figure.supxlabel(f"at {where}; pale: after ready", fontsize=9.5)
    return figure


def _panel(axes: "Axes", presets: Mapping[str, "pd.DataFrame"], value: str, causes: list[str]) -> None:
    import pandas as pd

    before = pd.DataFrame({name: table[value] for name, table in presets.items()}).T.reindex(columns=causes).fillna(0)
    after = pd.DataFrame({name: table[f"{value}_after"] for name, table in presets.items()}).T
    bars.stack(axes, before, style.CAUSE_COLOURS)
    after_total = after.fillna(0).sum(axis=1)
    left = before.sum(axis=1)
    for cause in [name for name in causes if name in after and after[name].sum() > 0]:
        width = after[cause].fillna(0)
        colour = style.pale(style.CAUSE_COLOURS[cause])
        axes.barh(range(len(before)), width, left=left, height=bars.BAR_HEIGHT, color=colour, linewidth=0)
        left = left + width
    bars.name_rows(axes, list(before.index))
    texts = [
        f"{_short(now)} + {_short(later)}" if later else _short(now)
        for now, later in zip(before.sum(axis=1), after_total, strict=True)
    ]
    bars.name_ends(axes, left.to_list(), texts)


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"

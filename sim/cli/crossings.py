"""Where presets and the full pull take equally long along an image's size, layers and share read, in words."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

IMAGE_AXES = "image."  # the axes of a network have a figure in the report


def crossings_text(runs: "pd.DataFrame") -> str:
    """One line a preset and series: "web, lazy or full by share read, 10 layers: lazy, full beyond 2.35 % read".

    runs: runs table; failed ones are left out. Empty where no image axis varies.
    """
    from sim.report.axes import describe, varied_axes
    from sim.report.crossings import CROSSING_COLUMNS, crossings, sides

    done = runs[runs["status"] == "done"]
    lines = []
    for axis in varied_axes(done):
        if axis.column.startswith(IMAGE_AXES):
            found = crossings(done, axis.column)
            held = [name for name in found.columns if name not in CROSSING_COLUMNS]
            for key, rows in found.groupby(["workload", "strategy", *held], dropna=False, sort=False):
                workload, strategy, *values = key
                where = describe(dict(zip(held, values, strict=True)))
                series = ", ".join(filter(None, (str(workload), f"{strategy} or full by {axis.noun}", where)))
                lines.append(f"{series}: {sides(rows, axis.format)}")
    return "\n".join(lines)

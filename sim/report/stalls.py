"""The files a workload waited for longest, by name."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

TOP = 10


def stall_table(spans: "pd.DataFrame", *, top: int = TOP) -> "pd.DataFrame":
    """Longest first: `path`, `seconds` waited, `stalls`, `share` of all stalled time.

    spans: of one run. Stalls of several threads at once each count in full, so the sum can exceed the run.
    """
    import pandas as pd

    rows = spans[(spans["kind"].astype(str) == "stall") & spans["path"].notna()]
    table = pd.DataFrame({"path": rows["path"], "seconds": rows["end_s"] - rows["start_s"]})
    files = table.groupby("path").agg(seconds=("seconds", "sum"), stalls=("seconds", "count"))
    files["share"] = files["seconds"] / files["seconds"].sum()
    return files.sort_values("seconds", ascending=False, kind="stable").head(top).reset_index()

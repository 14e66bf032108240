"""The order rule of replay: an operation starts after the last one, of any thread, that had ended when it began."""

from typing import Any

import numpy as np

IntColumn = np.ndarray[Any, np.dtype[np.int64]]


def predecessors(start_ns: IntColumn, end_ns: IntColumn) -> IntColumn:
    """Row of each operation's predecessor, −1 where none had ended.

    start_ns, end_ns: recorded times, rows in order of start. Each operation has one predecessor, so the
    order is a forest. Among operations that ended in the same nanosecond the one with the highest row wins.
    An operation of no duration is never its own predecessor. Why this rule: docs/model.md, "Replay".
    """
    by_end = np.argsort(end_ns, kind="stable")
    ended = np.searchsorted(end_ns[by_end], start_ns, side="right") - 1
    found = np.where(ended >= 0, by_end[ended], -1)
    late = np.flatnonzero(found >= np.arange(len(found)))
    for row in late:  # only operations with zero duration can meet themselves or a later row
        earlier = by_end[: ended[row] + 1]
        earlier = earlier[earlier < row]
        found[row] = earlier[-1] if len(earlier) else -1
    return found.astype(np.int64)

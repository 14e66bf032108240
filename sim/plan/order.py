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
    count = len(start_ns)
    rows = np.arange(count)
    latest_end = np.maximum.accumulate(end_ns) if count else end_ns
    latest = np.maximum.accumulate(np.where(end_ns == latest_end, rows, 0)) if count else rows
    found = np.append(-1, latest[:-1])[:count]  # right where all earlier rows had ended, as in a serial stretch
    overlapped = np.flatnonzero(np.append(False, latest_end[:-1] > start_ns[1:])[:count])
    if len(overlapped):
        found[overlapped] = _search(start_ns, end_ns, overlapped)
    return found.astype(np.int64)


def _search(start_ns: IntColumn, end_ns: IntColumn, rows: IntColumn) -> IntColumn:
    """Predecessors of some rows by search among all ends."""
    by_end = np.argsort(end_ns, kind="stable")
    ended = np.searchsorted(end_ns[by_end], start_ns[rows], side="right") - 1
    found = np.where(ended >= 0, by_end[ended], -1)
    for at in np.flatnonzero(found >= rows):  # only operations of no duration can meet themselves or a later row
        earlier = by_end[: ended[at] + 1]
        earlier = earlier[earlier < rows[at]]
        found[at] = earlier[-1] if len(earlier) else -1
    return found

"""`Forest`: who comes before whom in an order forest, and sums along the way there, for whole columns at once.

Rows that nothing follows are ancestors of none, so they have no place in it. Stretches in which each row is
followed by the next one only are one segment; only segments cost Python time, so a serial trace costs none.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

IntColumn = np.ndarray[Any, np.dtype[np.int64]]
BoolColumn = np.ndarray[Any, np.dtype[np.bool_]]

NOWHERE = np.iinfo(np.int64).max  # place of a row that nothing follows


class Forest:
    """An order forest, rows 0 … n−1; row −1 stands for the root before all of them.

    place, end: by row + 1. Row a comes before or is row b just when place[a] ≤ place[b] < end[a], for any
    b that something follows.
    """

    def __init__(self, predecessor: IntColumn, also_followed: IntColumn) -> None:
        """Build it from each row's predecessor (a lower row, or −1).

        also_followed: further rows that a later `path_sums` or `nearest` will ask for.
        """
        followed = np.zeros(len(predecessor) + 1, dtype=np.bool_)
        followed[0] = True
        followed[predecessor + 1] = True
        followed[also_followed + 1] = True
        self.followed = followed
        self._rows = np.flatnonzero(followed)  # node → row + 1
        nodes = len(self._rows)
        if nodes == len(followed):
            self._node = self._rows  # row + 1 → node, for followed rows
            up = predecessor + 1  # of nodes 1 …
        else:
            self._node = np.cumsum(followed) - 1
            up = self._node[predecessor[self._rows[1:] - 1] + 1]
        head = np.ones(nodes, dtype=np.bool_)
        head[1:] = (up != np.arange(nodes - 1)) | (np.bincount(up, minlength=nodes)[:-1] > 1)
        self._head = np.flatnonzero(head)
        lengths = np.diff(self._head, append=nodes)
        self._segment = np.repeat(np.arange(len(lengths)), lengths)
        self._number, below = _preorder(self._segment[up[self._head[1:] - 1]].tolist())
        self._past = self._number + below
        start = np.zeros(len(lengths) + 1, dtype=np.int64)
        start[self._number + 1] = lengths
        np.cumsum(start, out=start)
        self.place = self._by_row(np.repeat(start[self._number] - self._head, lengths) + np.arange(nodes), NOWHERE)
        self.end = self._by_row(np.repeat(start[self._past], lengths), 0)

    def _by_row(self, values: IntColumn, other: int) -> IntColumn:
        if len(values) == len(self.followed):
            return values
        rows = np.full(len(self.followed), other)
        rows[self._rows] = values
        return rows

    def path_sums(self, weights: Sequence[IntColumn | BoolColumn], at: IntColumn) -> list[IntColumn]:
        """Sum each weight over all ancestors of each row of `at` and itself; 0 at row −1.

        weights: by row. at: rows that something follows.
        """
        node = self._node[at + 1]
        segment = self._segment[node]
        heads = np.maximum(self._head - 1, 0)  # weights are by node − 1: the root has none
        is_cut = np.zeros(len(self._rows), dtype=np.bool_)  # a mask is quicker than sorting
        is_cut[heads] = True
        is_cut[node] = True
        cuts = np.flatnonzero(is_cut)
        at_head, at_node = np.searchsorted(cuts, heads), np.searchsorted(cuts, node)
        inside = cuts[cuts < len(self._rows) - 1]
        sums = []
        for weight in weights:
            running = np.zeros(len(inside) + 1, dtype=np.int64)
            if len(inside):  # sums between the cuts only: a running sum over all rows costs several times more
                running[1:] = np.cumsum(np.add.reduceat(self._of_nodes(weight), inside))
            before = running[at_head]
            sums.append(running[at_node] - before[segment] + self._above(before, running[-1])[segment])
        return sums

    def _of_nodes(self, weight: IntColumn | BoolColumn) -> IntColumn:
        chosen = weight if len(weight) == len(self._rows) - 1 else weight[self._rows[1:] - 1]
        return chosen.astype(np.int64, copy=False)

    def _above(self, before: IntColumn, total: int) -> IntColumn:
        """Sum over all segments that come before each segment."""
        own = np.diff(before, append=total)
        tour = np.zeros(len(own) + 1, dtype=np.int64)
        tour[self._number] = own
        np.subtract.at(tour, self._past, own)
        above: IntColumn = np.cumsum(tour)[self._number] - own
        return above

    def nearest(self, chosen: BoolColumn, at: IntColumn) -> IntColumn:
        """Nearest chosen ancestor of each row of `at`, itself included; −1 where there is none.

        chosen: by row. at: rows that something follows. Chosen rows with equally many chosen ancestors
        are never on one path, so the one placed last before a row is the row's own.
        """
        rows = np.flatnonzero(chosen & self.followed[1:])
        level = self.path_sums([chosen], np.concatenate([rows, at]))[0]
        key = level * (len(self._rows) + 1) + self.place[np.concatenate([rows, at]) + 1]
        order = np.argsort(key[: len(rows)], kind="stable")
        found = np.searchsorted(key[: len(rows)][order], key[len(rows) :], side="right") - 1
        nearest = np.full(len(at), -1, dtype=np.int64)
        some = level[len(rows) :] > 0
        nearest[some] = rows[order[found[some]]]
        return nearest


def _preorder(up: list[int]) -> tuple[IntColumn, IntColumn]:
    """Preorder number and subtree size of tree nodes; up: parents of nodes 1 …, each lower than its child."""
    size = [1] * (len(up) + 1)
    for node in range(len(up), 0, -1):
        size[up[node - 1]] += size[node]
    number = [0] * (len(up) + 1)
    free = [1] * (len(up) + 1)
    for node, parent in enumerate(up, start=1):
        at = free[parent]
        number[node] = at
        free[parent] = at + size[node]
        free[node] = at + 1
    return np.array(number, dtype=np.int64), np.array(size, dtype=np.int64)

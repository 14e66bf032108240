"""Rows of operations while recording: flat arrays of integers, one array a serving thread, no object an operation."""

import threading
from array import array
from itertools import count
from typing import NamedTuple, TypeAlias

# `serial`: of a read, number of the open file it went through, from 1; else 0
FIELDS = ("thread", "kind", "path", "layer", "offset", "length", "start_ns", "end_ns", "serial")
Rows: TypeAlias = "array[int]"


class CopyUp(NamedTuple):
    """A candidate: reads of the open `serial` were a copy-up's if `asker` then created `path` in the upper layer."""

    serial: int
    asker: int
    path: int
    at_ns: int


class Paths:
    """Numbers for paths, shared by all threads."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._numbers: dict[str, int] = {}
        self._lock = threading.Lock()

    def number(self, path: str) -> int:
        """Give the number of `path`; the same path always has the same."""
        known = self._numbers.get(path)
        if known is not None:
            return known
        with self._lock:
            number = self._numbers.setdefault(path, len(self.texts))
            if number == len(self.texts):
                self.texts.append(path)
            return number


class RowStore:
    """All rows of a recording: each writer has an array of its own, so that none waits for another.

    serials: numbers of open files. copy_ups: candidates, see `sim.record.opens`.
    lost: operations that were seen but could not be kept.
    """

    def __init__(self) -> None:
        self.paths = Paths()
        self.serials = count(1)
        self.copy_ups: list[CopyUp] = []
        self.lost = 0
        self._writers: list[Rows] = []
        self._lock = threading.Lock()

    def writer(self) -> Rows:
        """Make a new array to append rows of `FIELDS` to, nine 64-bit integers a row."""
        rows: Rows = array("q")
        with self._lock:
            self._writers.append(rows)
        return rows

    def lose(self) -> None:
        """Count one operation that is not in the rows."""
        with self._lock:
            self.lost += 1

    def joined(self) -> bytes:
        """All rows one after another, native 64-bit integers, in no order."""
        with self._lock:
            return b"".join(rows.tobytes() for rows in self._writers)

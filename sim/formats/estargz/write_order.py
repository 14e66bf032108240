"""The order of a converted layer: what is needed first, a landmark, then the rest as it was.

Source: stargz-snapshotter, estargz/build.go, `sortEntries` and `moveRec`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from sim.core.errors import BadInput
from sim.formats.estargz.write_index import LayerIndex, clean_bytes
from sim.formats.names import NO_PREFETCH_LANDMARK, PREFETCH_LANDMARK
from sim.formats.tarentry import LINK, REG, TarEntry

LANDMARK_BYTES = b"\x0f"  # estargz/types.go, landmarkContents


@dataclass(frozen=True, eq=False)
class Order:
    """Rows of the entries before the landmark, the landmark, and the priorities that the layer has not."""

    index: LayerIndex
    first: list[int]
    landmark: str
    missing: tuple[str, ...]

    def entries(self) -> Iterator[TarEntry | None]:
        """All entries in order; None for the landmark. Raises `BadBlob`."""
        for row in self.first:
            yield self.index.entry(row)
        yield None
        rest = np.ones(len(self.index.starts), np.bool_)
        rest[self.first] = False
        for place in np.flatnonzero(rest):
            yield self.index.entry(int(place))

    def landmark_entry(self) -> TarEntry:
        """The landmark as an entry of one byte."""
        return TarEntry(flag=REG, name=self.landmark.encode(), size=len(LANDMARK_BYTES))


def order_entries(index: LayerIndex, priorities: Sequence[str], *, allow_missing: bool) -> Order:
    """Put the priorities first, each after its folders and the target of its hard link.

    A priority is missing when it or one of its folders has no entry. Raises `BadInput` for one, unless allowed.
    """
    picked = _Picked(index)
    missing = []
    for name in priorities:
        absent = picked.pick(clean_bytes(name.encode("utf-8", "surrogateescape")))
        if absent is None:
            continue
        if not allow_missing:
            shown = absent.decode("utf-8", "replace")[:80]
            raise BadInput(
                f"{index.tar.name}: prioritised {name[:80]!r} needs {shown!r}, which has no entry in this layer;"
                " take it off the list, or allow missing files"
            )
        missing.append(name)
    return Order(index, picked.rows, PREFETCH_LANDMARK if priorities else NO_PREFETCH_LANDMARK, tuple(missing))


@dataclass(slots=True)
class _Picked:
    """Rows picked so far, in order."""

    index: LayerIndex
    rows: list[int] = field(default_factory=list)
    done: set[int] = field(default_factory=set)

    def pick(self, clean: bytes) -> bytes | None:
        """Pick a path with all it needs; gives the first path that is not there, if one is not."""
        steps: list[tuple[bytes, bool]] = [(clean, False)]  # paths still to go to; True: what it needs is picked
        opened: set[bytes] = set()
        while steps:
            path, ready = steps.pop()
            row = self.index.find(path)
            if row is None:
                if path:
                    return path
                continue  # the root needs no entry
            if row in self.done:
                continue
            if ready or not path:
                self._add(row)
            elif path not in opened:
                opened.add(path)
                steps += self._needs(path, row)
        return None

    def _needs(self, path: bytes, row: int) -> list[tuple[bytes, bool]]:
        """What comes before a path, last first."""
        entry = self.index.entry(row)
        target = [(clean_bytes(entry.link), False)] if entry.flag == LINK else []
        return [(path, True), *target, (path.rpartition(b"/")[0], False)]

    def _add(self, row: int) -> None:
        if row not in self.done:
            self.done.add(row)
            self.rows.append(row)

"""Order of a layer's entries in a blob: prioritised, landmark, the rest. Source: estargz/build.go, `sortEntries`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from sim.core.layout import Layout
from sim.plan.estimate_members import Ints, Measured

LandmarkKind = Literal["prefetch", "no_prefetch"]


@dataclass(frozen=True, slots=True)
class Names:
    """Entries of one layer by path. entry: row in the base layout. links: path of a hard link → its target's path."""

    entry: dict[str, int]
    links: dict[str, str]


@dataclass(frozen=True, slots=True)
class Order:
    """Members of a blob as they lie in it. landmark: place of the landmark among them."""

    members: Ints
    landmark: int
    kind: LandmarkKind


def layer_names(base: Layout) -> list[Names]:
    """Names of each layer's entries; what a whiteout removes is no entry."""
    names = [Names({}, {}) for _ in range(base.blobs.num_rows)]
    columns = (base.entries.column(name).to_pylist() for name in ("layer", "path", "link", "kind"))
    for row, (layer, path, link, kind) in enumerate(zip(*columns, strict=True)):
        if kind not in ("whiteout", "opaque"):
            names[layer].entry[path] = row
            if link is not None:
                names[layer].links[path] = link
    return names


def blob_order(measured: Measured, layer: int, names: Names | None, listed: Sequence[str]) -> Order:
    """Order of a layer's members. listed: clean paths in order of need."""
    first, end = measured.layer_bounds(layer)
    rest = np.arange(first, end)
    if not listed or names is None:
        return Order(np.concatenate([[measured.landmark("no_prefetch")], rest]), 0, "no_prefetch")
    moved = _Moved(names)
    for path in listed:
        moved.move(path)
    member_of = dict(zip(measured.entry[first:end].tolist(), rest.tolist(), strict=True))
    front = np.array([member_of[row] for row in moved.rows], np.int64)
    mark = np.array([measured.landmark("prefetch")], np.int64)
    behind = rest[~np.isin(rest, front)]
    return Order(np.concatenate([front, mark, behind]), len(front), "prefetch")


class _Moved:
    """Entries that were moved to the front, each behind its folders and the file it links to."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._seen: set[str] = set()
        self.rows: list[int] = []

    def move(self, path: str) -> bool:
        """Whether the entry is now in front; false when it, a folder above it or its target is not in the layer."""
        if path in self._seen or not path:
            return True
        if path not in self._names.entry or not self.move(path.rpartition("/")[0]):
            return False
        if path in self._names.links and not self.move(self._names.links[path]):
            return False
        self._seen.add(path)
        self.rows.append(self._names.entry[path])
        return True

"""The files of one layer, cleaned: what any layer format lists, turned into sorted columns for `Tree` and `Layout`.

Rules, as stargz-snapshotter's reader has them: names are clamped into the root, the last of several entries with one
name wins, a whiteout beside an entry of its name is hidden, what lies below a non-directory is hidden. An opaque mark
of the root means nothing, since overlayfs ignores it. They hold for every format, so that one content has one id; an
unpack that follows a symlink of the same layer to place an entry would do otherwise, but no known layer asks for it.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import numpy as np
import numpy.typing as npt

from sim.core.errors import BadBlob
from sim.core.tree import FILE_KINDS
from sim.formats.hardlinks import resolve_hardlinks
from sim.formats.names import MARKER_NAMES, OPAQUE_NAME, WHITEOUT_PREFIX, clean_name, clean_names

KIND_CODE = {kind: code for code, kind in enumerate(FILE_KINDS)}
REG, DIR, HARDLINK = KIND_CODE["reg"], KIND_CODE["dir"], KIND_CODE["hardlink"]
SYMLINK, WHITEOUT, OPAQUE = KIND_CODE["symlink"], KIND_CODE["whiteout"], KIND_CODE["opaque"]
FOLDER_LIKE = frozenset({DIR, WHITEOUT, OPAQUE})  # what may have entries below it
NOT_LINKED = FOLDER_LIKE | {HARDLINK}  # what a hard link cannot finally name
MODE_BITS = 0o7777  # permission, setuid, setgid, sticky; some writers add the file type above them
MAX_WALK_BYTES = 1 << 24  # of folder names looked at one by one; sorting all names is cheaper for more
MAX_DEPTH = 10_000  # stargz-snapshotter's reader gives up there (fs/reader, maxWalkDepth)


class Listed(Protocol):
    """Entries as an archive lists them, in its order; columns of equal length."""

    @property
    def names(self) -> list[str]:
        """As written."""

    @property
    def kinds(self) -> list[int]:
        """Codes of `FILE_KINDS`; a whiteout is a regular file."""

    @property
    def sizes(self) -> list[int]:
        """Bytes of each."""

    @property
    def modes(self) -> list[int]:
        """As written."""

    @property
    def links(self) -> list[str]:
        """As written, "" for none."""

    @property
    def digests(self) -> list[bytes | None]:
        """sha256 of a regular file's bytes, else None."""


@dataclass(slots=True, eq=False)
class Listing:
    """A `Listed` that grows entry by entry."""

    names: list[str] = field(default_factory=list)
    kinds: list[int] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    modes: list[int] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    digests: list[bytes | None] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class LayerFiles:
    """Cleaned entries of one layer; columns sorted by (path, kind code), built when they are first asked for.

    listing: what they are from; where: its name in errors. real: path → row in the listing of what is there;
    marks: (path, kind) → row of each whiteout and opaque mark. hardlinks: path → path of the file it finally names.
    """

    listing: Listed
    where: str
    real: dict[str, int]
    marks: dict[tuple[str, int], int]
    hardlinks: dict[str, str]

    @cached_property
    def _rows(self) -> list[tuple[str, int, int]]:
        kinds = self.listing.kinds
        rows = [(path, kinds[row], row) for path, row in self.real.items() if path]
        rows += [(path, kind, row) for (path, kind), row in self.marks.items() if path]
        return sorted(rows)

    @cached_property
    def paths(self) -> list[str]:
        """Cleaned path of each."""
        return [path for path, _, _ in self._rows]

    @cached_property
    def kinds(self) -> npt.NDArray[np.int8]:
        """Code of `FILE_KINDS`, whiteouts told from files."""
        return np.array([kind for _, kind, _ in self._rows], np.int8)

    @cached_property
    def source(self) -> npt.NDArray[np.int64]:
        """Row of each in the listing."""
        return np.array([row for _, _, row in self._rows], np.int64)

    @cached_property
    def sizes(self) -> npt.NDArray[np.int64]:
        """Bytes of a regular file, else 0."""
        return np.where(self.kinds == REG, np.array(self.listing.sizes, np.int64)[self.source], 0)

    @cached_property
    def modes(self) -> npt.NDArray[np.int32]:
        """Permission, setuid, setgid and sticky bits."""
        return (np.array(self.listing.modes, np.int64)[self.source] & MODE_BITS).astype(np.int32)

    @cached_property
    def links(self) -> list[str | None]:
        """Target of a symlink as written, of a hard link clean; else None."""
        links = self.listing.links
        return [_link(kind, links[row]) for _, kind, row in self._rows]

    @cached_property
    def digests(self) -> list[bytes | None]:
        """sha256 of a regular file's bytes, else None. Raises `BadBlob` where the archive gives none."""
        digests = self.listing.digests
        return [digests[row] if kind == REG else None for _, kind, row in self._rows]

    @cached_property
    def in_tree(self) -> npt.NDArray[np.bool_]:
        """False for landmarks, the TOC and hidden entries."""
        out = MARKER_NAMES | _hidden(self.real, self.marks, self.listing.kinds)
        return np.array([path not in out for path in self.paths], np.bool_)

    @cached_property
    def regular(self) -> dict[str, int]:
        """Path of each regular file → its row."""
        return {self.paths[row]: row for row in np.flatnonzero(self.kinds == REG).tolist()}

    def find(self, path: str) -> int | None:
        """Row of the regular file at a path, hard links followed; None when there is none."""
        clean = clean_name(path)
        return self.regular.get(self.hardlinks.get(clean, clean))

    def listed(self, path: str) -> int | None:
        """The same as a row of the listing; needs no sorted column."""
        clean = clean_name(path)
        row = self.real.get(self.hardlinks.get(clean, clean)) if clean else None
        return row if row is not None and self.listing.kinds[row] == REG else None


def clean_files(listing: Listed, where: str) -> LayerFiles:
    """Clean what an archive lists. `where` names it in errors. Raises `BadBlob`."""
    names, kinds = clean_names(listing.names, where), listing.kinds
    paths = names.paths
    real: dict[str, int] = dict(zip(paths, range(len(paths)), strict=True))  # the last of one name
    marks: dict[tuple[str, int], int] = {}
    if names.whiteouts:
        real, marks = _last_wins(*_mark_whiteouts(paths, kinds, where))
    if names.longest > MAX_DEPTH:
        _check_depth(paths, where)
    return LayerFiles(listing, where, real, marks, _hardlinks(listing, paths, real, marks, where))


def _mark_whiteouts(paths: list[str], kinds: list[int], where: str) -> tuple[list[str], list[int]]:
    """Turn `.wh.` names into rows about the path they act on."""
    marked_paths, marked_kinds = list(paths), list(kinds)
    for row, path in enumerate(paths):
        folder, _, base = path.rpartition("/")
        if base == OPAQUE_NAME:
            marked_paths[row], marked_kinds[row] = folder, OPAQUE
        elif base.startswith(WHITEOUT_PREFIX):
            removed = base.removeprefix(WHITEOUT_PREFIX)
            if removed in {"", ".", ".."}:
                raise BadBlob(f"{where}: whiteout {path!r} names nothing to remove; rebuild the layer")
            marked_paths[row], marked_kinds[row] = f"{folder}/{removed}" if folder else removed, WHITEOUT
    return marked_paths, marked_kinds


def _last_wins(paths: list[str], kinds: list[int]) -> tuple[dict[str, int], dict[tuple[str, int], int]]:
    """`real` and `marks` of the entries that later ones of their name leave standing."""
    real: dict[str, int] = {}
    marks: dict[tuple[str, int], int] = {}
    for row, (path, kind) in enumerate(zip(paths, kinds, strict=True)):
        if kind >= WHITEOUT:
            marks[path, kind] = row
        else:
            real[path] = row
    return real, {key: row for key, row in marks.items() if key[1] == OPAQUE or key[0] not in real}


def _check_depth(paths: list[str], where: str) -> None:
    deep = next((path for path in paths if path.count("/") > MAX_DEPTH), None)
    if deep is not None:
        raise BadBlob(f"{where}: {deep[:60]!r}… is more than {MAX_DEPTH} folders deep; rebuild the layer")


def _hidden(real: dict[str, int], marks: dict[tuple[str, int], int], kinds: list[int]) -> set[str]:
    """Paths below something that is no directory: no walk from the root reaches them."""
    entries = [(path.replace("/", "\0"), kinds[row], path) for path, row in real.items() if path]
    entries += [(path.replace("/", "\0"), kind, path) for path, kind in marks if path]
    hidden: set[str] = set()
    above = None
    for key, kind, path in sorted(entries):  # in this order what lies below a path follows it at once
        if above is not None and key.startswith(above):
            hidden.add(path)
        elif kind not in FOLDER_LIKE:
            above = key + "\0"
    return hidden


def _may_be_hidden(paths: Iterable[str], real: dict[str, int], kinds: list[int]) -> bool:
    """Whether one of the paths may be hidden; false is certain. Looks at each folder once, and at not too many."""
    left, seen = MAX_WALK_BYTES, {""}
    for path in paths:
        folder = path.rpartition("/")[0]
        while folder not in seen:
            row, left = real.get(folder), left - len(folder)
            if left < 0 or (row is not None and kinds[row] not in FOLDER_LIKE):
                return True
            seen.add(folder)
            folder = folder.rpartition("/")[0]
    return False


def _link(code: int, link: str) -> str | None:
    if code == HARDLINK:
        return clean_name(link)
    return link if code == SYMLINK else None


def _rows_of(kind: int, kinds: list[int]) -> Iterator[int]:
    """Rows of one kind. Few are hard links, and `index` passes over the others fastest."""
    row = -1
    with suppress(ValueError):
        while True:
            row = kinds.index(kind, row + 1)
            yield row


def _hardlinks(
    listing: Listed, paths: list[str], real: dict[str, int], marks: dict[tuple[str, int], int], where: str
) -> dict[str, str]:
    """Path of each hard link → path of the file it finally names."""
    kinds = listing.kinds
    links = {
        paths[row]: clean_name(listing.links[row])
        for row in _rows_of(HARDLINK, kinds)
        if paths[row] and real.get(paths[row]) == row
    }
    named = {path for path in links.values() if path in real} - MARKER_NAMES - {""}
    if _may_be_hidden(named, real, kinds):
        named -= _hidden(real, marks, kinds)
    return resolve_hardlinks(links, {path for path in named if kinds[real[path]] not in NOT_LINKED}, where)

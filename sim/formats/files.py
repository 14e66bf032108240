"""The files of one layer, cleaned: what any layer format lists, turned into sorted columns for `Tree` and `Layout`.

Rules, as stargz-snapshotter's reader has them: names are clamped into the root, the last of several entries with one
name wins, a whiteout beside an entry of its name is hidden, what lies below a non-directory is hidden. An opaque mark
of the root means nothing, since overlayfs ignores it. They hold for every format, so that one content has one id; an
unpack that follows a symlink of the same layer to place an entry would do otherwise, but no known layer asks for it.
"""

from dataclasses import dataclass, field
from functools import cached_property

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
MODE_BITS = 0o7777  # permission, setuid, setgid, sticky; some writers add the file type above them
MAX_DEPTH = 10_000  # stargz-snapshotter's reader gives up there (fs/reader, maxWalkDepth)


@dataclass(slots=True, eq=False)
class Listing:
    """Entries as an archive lists them, in its order; columns of equal length.

    names: uncleaned. kinds: codes of `FILE_KINDS`, whiteouts still regular files. links: as written, "" for none.
    digests: sha256 of a regular file's bytes, else None.
    """

    names: list[str] = field(default_factory=list)
    kinds: list[int] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    modes: list[int] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    digests: list[bytes | None] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class LayerFiles:
    """Cleaned entries of one layer, sorted by (path, kind code).

    source: row of each in the listing. in_tree: false for landmarks, the TOC and hidden entries.
    links: target of a symlink as written, of a hard link clean; else None.
    """

    paths: list[str]
    kinds: npt.NDArray[np.int8]
    sizes: npt.NDArray[np.int64]
    modes: npt.NDArray[np.int32]
    links: list[str | None]
    digests: list[bytes | None]
    source: npt.NDArray[np.int64]
    in_tree: npt.NDArray[np.bool_]
    hardlinks: dict[str, str]  # path → path of the file it finally names

    @cached_property
    def regular(self) -> dict[str, int]:
        """Path of each regular file → its row."""
        return {self.paths[row]: row for row in np.flatnonzero(self.kinds == REG).tolist()}

    def find(self, path: str) -> int | None:
        """Row of the regular file at a path, hard links followed; None when there is none."""
        clean = clean_name(path)
        return self.regular.get(self.hardlinks.get(clean, clean))


def clean_files(listing: Listing, where: str) -> LayerFiles:
    """Clean and sort what an archive lists. `where` names it in errors. Raises `BadBlob`."""
    raw_paths, raw_kinds = _mark_whiteouts(clean_names(listing.names), listing.kinds, where)
    last = _last_wins(raw_paths, raw_kinds)
    keys = sorted(key for key in last if key[0])
    rows = [last[key] for key in keys]
    paths, codes = [key[0] for key in keys], [key[1] for key in keys]
    kinds = np.array(codes, np.int8)
    hidden = _hidden(paths, codes, where)
    links = [_link(code, listing.links[row]) for code, row in zip(codes, rows, strict=True)]
    source = np.array(rows, np.int64)
    regular = kinds == REG
    in_tree = np.array([path not in hidden and path not in MARKER_NAMES for path in paths], np.bool_)
    return LayerFiles(
        paths=paths,
        kinds=kinds,
        sizes=np.where(regular, np.array(listing.sizes, np.int64)[source], 0),
        modes=(np.array(listing.modes, np.int64)[source] & MODE_BITS).astype(np.int32),
        links=links,
        digests=[listing.digests[row] if code == REG else None for code, row in zip(codes, rows, strict=True)],
        source=source,
        in_tree=in_tree,
        hardlinks=_hardlinks(paths, codes, links, in_tree, where),
    )


def _mark_whiteouts(paths: list[str], kinds: list[int], where: str) -> tuple[list[str], list[int]]:
    """Turn `.wh.` names into rows about the path they act on."""
    if not any(WHITEOUT_PREFIX in path or "\0" in path for path in paths):
        return paths, kinds
    marked_paths, marked_kinds = list(paths), list(kinds)
    for row, path in enumerate(paths):
        if "\0" in path:
            raise BadBlob(f"{where}: entry {row} has a NUL byte in its name {path[:80]!r}; rebuild the layer")
        folder, _, base = path.rpartition("/")
        if base == OPAQUE_NAME:
            marked_paths[row], marked_kinds[row] = folder, OPAQUE
        elif base.startswith(WHITEOUT_PREFIX):
            removed = base.removeprefix(WHITEOUT_PREFIX)
            if removed in {"", ".", ".."}:
                raise BadBlob(f"{where}: whiteout {path!r} names nothing to remove; rebuild the layer")
            marked_paths[row], marked_kinds[row] = f"{folder}/{removed}" if folder else removed, WHITEOUT
    return marked_paths, marked_kinds


def _last_wins(paths: list[str], kinds: list[int]) -> dict[tuple[str, int], int]:
    """(path, kind) → row, for the entries that later ones of their name leave standing."""
    real: dict[str, int] = {}
    marks: dict[tuple[str, int], int] = {}
    for row, (path, kind) in enumerate(zip(paths, kinds, strict=True)):
        if kind >= WHITEOUT:
            marks[path, kind] = row
        else:
            real[path] = row
    kept = {(path, kinds[row]): row for path, row in real.items()}
    kept.update({key: row for key, row in marks.items() if key[1] == OPAQUE or key[0] not in real})
    return kept


def _hidden(paths: list[str], codes: list[int], where: str) -> set[str]:
    """Paths below something that is no directory: no walk from the root reaches them."""
    keys = [path.replace("/", "\0") for path in paths]  # in this order what lies below a path follows it at once
    hidden: set[str] = set()
    above = None
    for row in sorted(range(len(paths)), key=keys.__getitem__):
        path, key = paths[row], keys[row]
        if key.count("\0") > MAX_DEPTH:
            raise BadBlob(f"{where}: {path[:60]!r}… is more than {MAX_DEPTH} folders deep; rebuild the layer")
        if above is not None and key.startswith(above):
            hidden.add(path)
        elif codes[row] not in FOLDER_LIKE:
            above = key + "\0"
    return hidden


def _link(code: int, link: str) -> str | None:
    if code == HARDLINK:
        return clean_name(link)
    return link if code == SYMLINK else None


def _hardlinks(
    paths: list[str], codes: list[int], links: list[str | None], in_tree: npt.NDArray[np.bool_], where: str
) -> dict[str, str]:
    found = {path: link or "" for path, code, link in zip(paths, codes, links, strict=True) if code == HARDLINK}
    if not found:
        return {}
    rows = zip(paths, codes, in_tree.tolist(), strict=True)
    targets = {path for path, code, seen in rows if seen and code != HARDLINK and code not in FOLDER_LIKE}
    return resolve_hardlinks(found, targets, where)

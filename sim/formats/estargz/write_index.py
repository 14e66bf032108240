"""Which entries of a tar go into a converted layer: the last of each name, checked before anything is written.

Names are kept as digests of 16 bytes, so that millions of entries fit into memory; two of them never meet by chance.
"""

import hashlib
import posixpath
import re
from array import array
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from sim.core.errors import BadBlob
from sim.core.source import Source
from sim.formats.files import MAX_DEPTH
from sim.formats.names import MARKER_NAMES
from sim.formats.tarentry import DIR, LINK, REG, TarEntry, read_entry

# Of the TOC, of which 256 MiB are read, 268 bytes are left to each; and each takes 120 bytes of memory here.
MAX_ENTRIES = 1_000_000
KEY_BYTES = 16
FIND_ROWS = 1 << 16  # looked up at a time, so that it takes no memory to speak of
KEY = np.dtype(f"V{KEY_BYTES}")
DROPPED = frozenset(name.encode() for name in MARKER_NAMES)  # landmarks and TOC of an earlier conversion

_UNCLEAN = re.compile(rb"(?:^|/)\.{0,2}(?:/|$)")  # an empty, "." or ".." part

Keys = npt.NDArray[np.void]
Ints = npt.NDArray[np.int64]
Rows = npt.NDArray[np.int32]


def clean_bytes(name: bytes) -> bytes:
    """Path relative to the root, as `sim.formats.names.clean_name` does for text; the root is empty."""
    if not _UNCLEAN.search(name):
        return name
    return posixpath.normpath(b"/" + name).lstrip(b"/")


def escapes_root(name: bytes) -> bool:
    """Whether the ".." of a path lead above the root it starts from."""
    depth = 0
    for part in name.split(b"/") if b".." in name else ():
        depth += -1 if part == b".." else part not in {b"", b"."}
        if depth < 0:
            return True
    return False


@dataclass(frozen=True, eq=False)
class LayerIndex:
    """The entries that stay, in their order. starts: of their first headers in the tar.

    keys: of their clean names, sorted; rows: which entry each one is.
    """

    tar: Source
    starts: Ints
    keys: Keys
    rows: Rows

    def find(self, clean: bytes) -> int | None:
        """The entry of a clean name."""
        found = _find(self.keys, np.frombuffer(_key(clean), KEY))
        return int(self.rows[found[0]]) if found[0] >= 0 else None

    def entry(self, row: int) -> TarEntry:
        """Read an entry again. Raises `BadBlob`."""
        entry = read_entry(self.tar, int(self.starts[row]))
        if entry is None:
            raise BadBlob(f"{self.tar.name}: layer changed while it was converted; try again")
        return entry


def index_tar(tar: Source, chunk_size_bytes: int) -> LayerIndex:
    """Walk a tar once. Raises `BadBlob` for what cannot be converted."""
    found = _Walk(tar.name)
    position = 0
    while (entry := read_entry(tar, position)) is not None:
        found.add(entry, chunk_size_bytes)
        position = entry.end
    return found.index(tar)


@dataclass(slots=True)
class _Walk:
    """Entries as they come. links: rows of hard links; targets: keys of what they lead to."""

    where: str
    keys: bytearray = field(default_factory=bytearray)
    starts: "array[int]" = field(default_factory=lambda: array("q"))
    folders: bytearray = field(default_factory=bytearray)
    links: "array[int]" = field(default_factory=lambda: array("q"))
    targets: bytearray = field(default_factory=bytearray)
    toc_entries: int = 0

    def add(self, entry: TarEntry, chunk_size_bytes: int) -> None:
        self.toc_entries += max(1, -(-entry.size // chunk_size_bytes))
        if self.toc_entries > MAX_ENTRIES:
            raise BadBlob(
                f"{self.where}: layer has more than {MAX_ENTRIES} files and chunks;"
                " convert with larger chunks, or split the layer"
            )
        clean = self._clean(entry)
        if clean in DROPPED:
            return
        if entry.flag == LINK:
            self.links.append(len(self.starts))
            self.targets += _key(clean_bytes(entry.link))
        self.keys += _key(clean)
        self.starts.append(entry.start)
        self.folders.append(entry.flag == DIR)

    def _clean(self, entry: TarEntry) -> bytes:
        """The entry's clean name, when it is one."""
        for what, name in (("entry", entry.name), ("hard link to", entry.link if entry.flag == LINK else b"")):
            if escapes_root(name):
                raise BadBlob(f"{self.where}: {what} {name[:80]!r} leads out of the layer by ..; rebuild the layer")
        clean = clean_bytes(entry.name)
        if clean.count(b"/") >= MAX_DEPTH:
            raise BadBlob(f"{self.where}: {clean[:60]!r}… is more than {MAX_DEPTH} folders deep; rebuild the layer")
        if not clean and entry.flag != DIR:
            raise BadBlob(f"{self.where}: entry {entry.name!r} is the root but no directory; rebuild the layer")
        if entry.flag == REG and entry.name.endswith(b"/"):
            raise BadBlob(f"{self.where}: file {clean[:80]!r} has a name like a directory; rebuild the layer")
        return clean

    def index(self, tar: Source) -> LayerIndex:
        index, stays, number = self._last_of_each(tar)
        self._check_links(index, stays, number)
        return index

    def _last_of_each(self, tar: Source) -> tuple[LayerIndex, npt.NDArray[np.bool_], Rows]:
        """The index, which entries are in it, and as which row."""
        keys = np.frombuffer(self.keys, KEY)
        order = np.argsort(keys, kind="stable")
        ordered = keys[order]
        last = np.append(ordered[1:] != ordered[:-1], True) if len(order) else np.empty(0, np.bool_)
        stays = np.zeros(len(order), np.bool_)
        stays[order[last]] = True
        number = np.cumsum(stays, dtype=np.int32) - np.int32(1)
        starts = np.frombuffer(self.starts, np.int64)[stays]
        return LayerIndex(tar, starts, ordered[last], number[order[last]]), stays, number

    def _check_links(self, index: LayerIndex, stays: npt.NDArray[np.bool_], number: Rows) -> None:
        """Each hard link must lead to a file that is there. Links to links are followed by doubling the steps."""
        kept = stays[np.array(self.links, np.int64)] if self.links else np.empty(0, np.bool_)
        links = number[np.array(self.links, np.int64)[kept]]
        found = _find(index.keys, np.frombuffer(self.targets, KEY)[kept])
        _refuse(index, links, found < 0, "leads to a file that is not in this layer")
        following = np.arange(len(index.starts), dtype=np.int32)
        following[links] = index.rows[found]
        for _ in range(len(links).bit_length() + 1):
            following = following[following]
        is_link = np.zeros(len(index.starts), np.bool_)
        is_link[links] = True
        _refuse(index, links, is_link[following[links]], "leads back to itself")
        folders = np.frombuffer(self.folders, np.bool_)[stays]
        _refuse(index, links, folders[following[links]], "leads to a directory")


def _refuse(index: LayerIndex, links: Rows, bad: npt.NDArray[np.bool_], what: str) -> None:
    if bad.any():
        entry = index.entry(int(links[np.argmax(bad)]))
        raise BadBlob(
            f"{index.tar.name}: hard link {entry.name[:80]!r} to {entry.link[:80]!r} {what}; rebuild the layer"
        )


def _key(clean: bytes) -> bytes:
    return hashlib.blake2b(clean, digest_size=KEY_BYTES).digest()


def _find(keys: Keys, wanted: Keys) -> Rows:
    """Where each wanted key is among sorted ones; -1 for those that are not there."""
    found = np.full(len(wanted), -1, np.int32)
    for start in range(0, len(wanted) if len(keys) else 0, FIND_ROWS):
        some = wanted[start : start + FIND_ROWS]
        place = np.minimum(np.searchsorted(keys, some), len(keys) - 1)
        found[start : start + FIND_ROWS] = np.where(keys[place] == some, place, -1)
    return found

"""What a union of layers shows and what a write to it costs: overlayfs as a state machine without time.

Source: Linux Documentation/filesystems/overlayfs.rst and fs/overlayfs/copy_up.c, dir.c, with metacopy and
redirect_dir off, as container runtimes mount it. Held against the kernel by tests/semantics.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

READ_BYTES = 128 << 10  # one read request of a copy-up, as FUSE splits it (32 pages)


@dataclass(frozen=True, slots=True)
class Found:
    """Where a path's object lives: the lower layer it is in (0 lowest), or None for the upper."""

    layer: int | None
    kind: str
    size: int


@dataclass(frozen=True, slots=True)
class CopyUp:
    """A file of a lower layer must be copied to the upper before the operation goes on: all of it, or nothing."""

    layer: int
    path: str
    length: int

    def reads(self) -> list[tuple[int, int]]:
        """(offset, length) of the reads of the lower file, in order."""
        return [(at, min(READ_BYTES, self.length - at)) for at in range(0, self.length, READ_BYTES)]


Refused = Literal["ENOENT", "EXDEV", "EEXIST", "ENOTEMPTY", "ENOTDIR", "EISDIR"]


class Overlay:
    """Lower layers and an upper that changes.

    lowers: for each layer, lowest first, rows (path, kind, size); kinds as in `sim.core.tree.FILE_KINDS`.
    """

    def __init__(self, lowers: Iterable[Iterable[tuple[str, str, int]]]) -> None:
        self._layers = [_Layer(rows) for rows in lowers]
        self._upper = _Layer(())

    def lookup(self, path: str) -> Found | None:
        """The object a path names now; None where there is none."""
        found = self._upper.objects.get(path)
        if found is not None:
            return Found(None, *found)
        for layer in self._visible_lowers(path):
            found = self._layers[layer].objects.get(path)
            if found is not None:
                return Found(layer, *found)
        return None

    def names(self, directory: str) -> set[str]:
        """Names a directory shows."""
        prefix = f"{directory}/" if directory else ""
        below = {path for layer in [self._upper, *self._layers] for path in layer.objects if path.startswith(prefix)}
        children = {path for path in below if path and "/" not in path[len(prefix) :]}
        return {path[len(prefix) :] for path in children if self.lookup(path) is not None}

    def open_for_writing(self, path: str, *, truncate: bool = False) -> CopyUp | Refused | None:
        """Open an existing file for writing; the first time, a lower file is copied up whole (nothing if truncated)."""
        found = self.lookup(path)
        if found is None:
            return self._absent(path)
        if found.kind == "dir":
            return "EISDIR"
        copied = self._copy_up(path, found, length=0 if truncate else found.size)
        if truncate:
            self._upper.objects[path] = (found.kind, 0)
        return copied

    def change_attributes(self, path: str) -> CopyUp | Refused | None:
        """chmod, chown, utimes, setxattr: copy up too, data included."""
        found = self.lookup(path)
        if found is None:
            return self._absent(path)
        return self._copy_up(path, found, length=found.size)

    def create(self, path: str, kind: str = "reg") -> Refused | None:
        """Make a file or directory that does not exist yet; a new directory over a removed one is opaque."""
        if self.lookup(path) is not None:
            return "EEXIST"
        refused = self._parent_in_upper(path)
        if refused is None:
            self._upper.whiteouts.discard(path)
            if kind == "dir" and self._in_lowers(path):
                self._upper.opaque.add(path)
            self._upper.objects[path] = (kind, 0)
        return refused

    def remove(self, path: str) -> Refused | None:
        """Unlink or rmdir; what a lower layer has is hidden by a whiteout."""
        found = self.lookup(path)
        if found is None:
            return self._absent(path)
        if found.kind == "dir" and self.names(path):
            return "ENOTEMPTY"
        self._parent_in_upper(path)
        self._upper.objects.pop(path, None)
        self._upper.opaque.discard(path)
        if self._in_lowers(path):
            self._upper.whiteouts.add(path)
        return None

    def rename(self, source: str, target: str) -> CopyUp | Refused | None:
        """Rename; a directory that comes from a lower layer cannot be (EXDEV: the caller must copy it)."""
        found, replaced = self.lookup(source), self.lookup(target)
        refused = self._refuse_rename(source, target, found, replaced)
        if found is None or refused is not None:
            return refused
        if found.kind == "dir":
            self._rename_upper_directory(source, target)
            return None
        copied = self._copy_up(source, found, length=found.size)
        if replaced is not None:
            self.remove(target)
        self._parent_in_upper(target)
        self.remove(source)
        self._upper.whiteouts.discard(target)
        self._upper.objects[target] = (found.kind, found.size)
        return copied

    def _refuse_rename(self, source: str, target: str, found: Found | None, replaced: Found | None) -> Refused | None:
        """What the kernel checks before a rename, in its order."""
        for path in (source, target):
            parent = path.rpartition("/")[0]
            above = self.lookup(parent) if parent else Found(None, "dir", 0)
            if above is None or above.kind != "dir":
                return self._absent(path)
        if found is None:
            return "ENOENT"
        if replaced is not None and (found.kind == "dir") != (replaced.kind == "dir"):
            return "ENOTDIR" if found.kind == "dir" else "EISDIR"
        if found.kind == "dir" and self._in_lowers(source):
            return "EXDEV"
        if replaced is not None and replaced.kind == "dir" and self.names(target):
            return "ENOTEMPTY"
        return None

    def _absent(self, path: str) -> Refused:
        """Why a path that names nothing cannot be reached."""
        above = path.rpartition("/")[0]
        while above:
            found = self.lookup(above)
            if found is not None:
                return "ENOENT" if found.kind == "dir" else "ENOTDIR"
            above = above.rpartition("/")[0]
        return "ENOENT"

    def _rename_upper_directory(self, source: str, target: str) -> None:
        moved = {path for path in self._upper.objects if path == source or path.startswith(f"{source}/")}
        objects = {f"{target}{path[len(source) :]}": self._upper.objects.pop(path) for path in moved}
        self._parent_in_upper(target)
        self._upper.whiteouts.discard(target)
        if self._in_lowers(target):
            self._upper.opaque.add(target)
        self._upper.objects |= objects

    def _copy_up(self, path: str, found: Found, *, length: int) -> CopyUp | None:
        if found.layer is None:
            return None
        self._parent_in_upper(path)
        self._upper.objects[path] = (found.kind, length)
        return CopyUp(found.layer, path, length) if found.kind == "reg" else None

    def _parent_in_upper(self, path: str) -> Refused | None:
        """Copy up the directories above a path; directories have no data."""
        parts = path.split("/")[:-1]
        for depth in range(1, len(parts) + 1):
            parent = "/".join(parts[:depth])
            found = self.lookup(parent)
            if found is None:
                return "ENOENT"
            if found.kind != "dir":
                return "ENOTDIR"
            self._upper.objects.setdefault(parent, ("dir", 0))
        return None

    def _in_lowers(self, path: str) -> bool:
        return any(path in self._layers[layer].objects for layer in self._lowers_of(path, below_upper=False))

    def _visible_lowers(self, path: str) -> list[int]:
        return self._lowers_of(path, below_upper=True)

    def _lowers_of(self, path: str, *, below_upper: bool) -> list[int]:
        """Lower layers, uppermost first, that nothing above them hides for this path."""
        if below_upper and self._upper.hides(path):
            return []
        seen = []
        for layer in range(len(self._layers) - 1, -1, -1):
            seen.append(layer)
            if self._layers[layer].hides(path):
                break
        return seen


class _Layer:
    """One layer's objects by path, its whiteouts and its opaque directories."""

    def __init__(self, rows: Iterable[tuple[str, str, int]]) -> None:
        self.objects: dict[str, tuple[str, int]] = {}
        self.whiteouts: set[str] = set()
        self.opaque: set[str] = set()
        for path, kind, size in rows:
            if kind == "whiteout":
                self.whiteouts.add(path)
            elif kind == "opaque":
                self.opaque.add(path)
            else:
                self.objects[path] = (kind, size)

    def hides(self, path: str) -> bool:
        """Say whether layers below are hidden for this path: by a whiteout, an opaque directory or a non-directory."""
        if path in self.whiteouts or self.objects.get(path, ("dir", 0))[0] != "dir":
            return True
        above = path
        while above:
            above = above.rpartition("/")[0]
            if above in self.whiteouts or above in self.opaque or self.objects.get(above, ("dir", 0))[0] != "dir":
                return True
        return False

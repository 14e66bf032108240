"""Names as a container uses them to the files of the layers that answer: symbolic links are followed on the way."""

from collections.abc import Iterator

from sim.core.bundle import rows
from sim.core.tree import Tree
from sim.formats.names import clean_name
from sim.semantics.overlay import Overlay

MAX_LINKS = 40  # Linux, include/linux/namei.h: MAXSYMLINKS


class MergedFiles:
    """The union of an image's layers, looked at by name."""

    def __init__(self, tree: Tree, layers: int) -> None:
        listed: list[list[tuple[str, str, int]]] = [[] for _ in range(layers)]
        self._links: dict[tuple[int, str], str] = {}
        for row in rows(tree.files, "layer", "path", "kind", "size", "link"):
            listed[row["layer"]].append((row["path"], row["kind"], row["size"]))
            if row["kind"] == "symlink":
                self._links[row["layer"], row["path"]] = row["link"]
        self._overlay = Overlay(listed)

    def follow(self, name: str) -> list[tuple[int, str]] | None:
        """Layer and path of each object that opening `name` touches at its end: links, then what they lead to.

        None when there is nothing. A link that leads nowhere gives the links there are.
        """
        touched = [found for found, is_last in self._walk(clean_name(name)) if is_last]
        return touched or None

    def _walk(self, path: str) -> Iterator[tuple[tuple[int, str], bool]]:
        """Links that resolving a path meets, and its end; with each, whether nothing of the path was left after it."""
        parts = path.split("/")
        for _ in range(MAX_LINKS):
            met = self._first_link_or_end(parts)
            if met is None:
                return
            layer, here, rest = met
            yield (layer, here), not rest
            target = self._links.get((layer, here))
            if target is None:
                return
            folder = here.rpartition("/")[0]
            parts = [*clean_name(target if target.startswith("/") else f"{folder}/{target}").split("/"), *rest]

    def _first_link_or_end(self, parts: list[str]) -> tuple[int, str, list[str]] | None:
        """Go down until a symbolic link or the end: its layer, its path, the parts that are left.

        Folders that no layer lists are walked through: a layer need not list those above its files.
        """
        for used in range(1, len(parts) + 1):
            here = "/".join(parts[:used])
            found = self._overlay.lookup(here)
            is_last = used == len(parts)
            if found is not None and found.layer is not None and (is_last or found.kind == "symlink"):
                return found.layer, here, parts[used:]
        return None

"""Which files of each layer a trace reads, in order of first access: what goes before the prefetch landmark."""

from collections.abc import Iterable

from sim.core.bundle import rows
from sim.core.trace import UPPER_LAYER, Trace
from sim.core.tree import Tree

READING = ("open", "read")  # a file opened but never read costs little to have early, and real recorders list it


def accessed_files(trace: Trace, tree: Tree) -> list[tuple[int, str]]:
    """Layer and path of each regular file or hard link that was opened or read, once, in order of first access."""
    files = rows(tree.files, "layer", "path", "kind")
    regular = {(row["layer"], row["path"]) for row in files if row["kind"] in ("reg", "hardlink")}
    listed: dict[tuple[int, str], None] = {}
    for row in rows(trace.operations, "kind", "path", "layer"):
        file = row["layer"], row["path"]
        if row["kind"] in READING and file[0] != UPPER_LAYER and file in regular:
            listed.setdefault(file)
    return list(listed)


def paths_by_layer(trace: Trace, tree: Tree) -> list[list[str]]:
    """One list a layer, lowest first, of its `accessed_files`."""
    return by_layer(accessed_files(trace, tree), tree.layers)


def by_layer(files: Iterable[tuple[int, str]], layers: int) -> list[list[str]]:
    """Paths of each layer, in the order of the files."""
    listed: list[list[str]] = [[] for _ in range(layers)]
    for layer, path in files:
        listed[layer].append(path)
    return listed

"""Which files of each layer a trace reads, in order of first access: what goes before the prefetch landmark."""

from sim.core.trace import UPPER_LAYER, Trace
from sim.core.tree import Tree

READING = ("open", "read")  # a file opened but never read costs little to have early, and real recorders list it


def paths_by_layer(trace: Trace, tree: Tree) -> list[list[str]]:
    """One list a layer, lowest first: its regular files and hard links that were opened or read, each once."""
    files = tree.files.select(["layer", "path", "kind"]).to_pylist()
    regular = {(row["layer"], row["path"]) for row in files if row["kind"] in ("reg", "hardlink")}
    listed: list[dict[str, None]] = [{} for _ in range(tree.layers)]
    for row in trace.operations.select(["kind", "path", "layer"]).to_pylist():
        layer, path = row["layer"], row["path"]
        if row["kind"] in READING and layer != UPPER_LAYER and (layer, path) in regular:
            listed[layer].setdefault(path)
    return [list(paths) for paths in listed]

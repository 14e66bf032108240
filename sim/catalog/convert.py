"""From built layers to the catalog's tree and layouts; all of them must be of the same content."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sim.catalog.build import built_layers
from sim.catalog.cache import image_folder
from sim.catalog.converter import BLOB_FILE, BlobFacts, convert_layer, converter_version
from sim.catalog.workloads import TRACE_KINDS, TREE_FOLDER, layout_folder, workload_folder
from sim.core.errors import ContentMismatch
from sim.core.layout import Layout, write_layout
from sim.core.source import FileSource
from sim.core.trace import Trace, read_trace
from sim.core.tree import Tree, read_tree, write_tree
from sim.formats.estargz import layers_layout, open_blob
from sim.formats.tarlayer import tar_layout
from sim.plan.priorities import paths_by_layer

Say = Callable[[str], None]
GZIP_BY = {"converter": "none: the layers as built", "gzip_level": 6}


@dataclass(frozen=True, slots=True)
class Converted:
    """One layer as eStargz: the blob's file and what the converter said of it."""

    blob: Path
    facts: BlobFacts


def convert_image(name: str, say: Say = lambda _: None) -> Tree:
    """Write tree, gzip layout and eStargz layout (no landmark prefetch) of a built image to the catalog."""
    folder, layers = workload_folder(name), built_layers(name)
    say(f"{name}: reading {len(layers)} tar layers")
    tree, layout = tar_layout([layer.blob for layer in layers])
    write_tree(folder / TREE_FOLDER, tree, {"workload": name, "read_from": "gzip layers"})
    write_layout(layout_folder(folder, "gzip"), layout, GZIP_BY)
    say(f"{name}: converting to eStargz")
    plain = [_converted(layer.blob, layer.folder / "estargz") for layer in layers]
    _write_estargz(name, "estargz", tree, plain)
    return tree


def convert_with_landmark(name: str, say: Say = lambda _: None) -> None:
    """Write the layout of the image converted with the files of the throttled trace first, in order of need."""
    folder, layers = workload_folder(name), built_layers(name)
    tree = read_tree(folder / TREE_FOLDER)
    trace = read_trace(folder / TRACE_KINDS["throttled"])
    _same_content(name, "the throttled trace", trace.header.content_id, tree.content_id)
    say(f"{name}: converting to eStargz with a prefetch landmark")
    _write_estargz(name, "estargz-landmark", tree, landmark_blobs(name, tree, trace, [layer.blob for layer in layers]))


def landmark_blobs(name: str, tree: Tree, trace: Trace, layers: Sequence[Path]) -> list[Converted]:
    """Convert each layer with its part of the trace's files in front; kept in the image's cache folder."""
    listed = paths_by_layer(trace, tree)
    key = trace.header.recorded_at.translate(str.maketrans("", "", ":+-"))
    kept = image_folder(name) / "estargz-landmark" / f"{key}-{trace.ready_ns}"
    return [_converted(blob, kept / f"{number}", listed[number]) for number, blob in enumerate(layers)]


def _converted(layer: Path, out: Path, prioritized: Sequence[str] = ()) -> Converted:
    return Converted(out / BLOB_FILE, convert_layer(layer, out, prioritized))


def _write_estargz(name: str, format_name: str, tree: Tree, layers: Sequence[Converted]) -> None:
    found, layout = estargz_layout(layers)
    _same_content(name, f"the {format_name} image", found.content_id, tree.content_id)
    by: dict[str, Any] = {
        "converter": converter_version(),
        "options": "defaults: gzip level 9, chunks of 4 MiB, one worker",
        "blobs": [asdict_of(layer.facts) for layer in layers],
    }
    write_layout(layout_folder(workload_folder(name), format_name), layout, by)


def estargz_layout(layers: Sequence[Converted]) -> tuple[Tree, Layout]:
    """Read tree and layout from eStargz blobs, each checked against the TOC digest the converter printed."""
    with ExitStack() as files:
        blobs = [
            open_blob(files.enter_context(FileSource(layer.blob)), toc_digest=layer.facts.toc_digest)
            for layer in layers
        ]
        return layers_layout(
            blobs,
            digests=[layer.facts.digest for layer in layers],
            raw_sizes=[layer.facts.uncompressed_size for layer in layers],
        )


def asdict_of(facts: BlobFacts) -> dict[str, Any]:
    """Give the facts under their names."""
    return {name: getattr(facts, name) for name in facts.__struct_fields__}


def _same_content(name: str, what: str, found: str, wanted: str) -> None:
    if found != wanted:
        raise ContentMismatch(f"{name}: {what} has content {found}, the tree has {wanted}; build the workload again")

"""The catalogue's images as OCI folders in every format the testbed serves."""

from collections.abc import Sequence
from pathlib import Path

from sim.catalog.build import built_layers, image_config
from sim.catalog.cache import image_folder
from sim.catalog.convert import Converted, landmark_blobs
from sim.catalog.converter import BLOB_FILE, convert_layer
from sim.catalog.workloads import TRACE_KINDS, TREE_FOLDER, recipe, workload_folder
from sim.core.errors import BadInput
from sim.core.layout import Layout
from sim.core.trace import read_trace
from sim.core.tree import read_tree
from sim.oci.folder import ImageLayer, write_image
from sim.oci.packed import LayerBlob
from sim.testbed.push import layer_digests

TOC_DIGEST = "containerd.io/snapshot/stargz/toc.digest"  # estargz.TOCJSONDigestAnnotation; without it no lazy mount
FORMATS = ("gzip", "estargz", "estargz-landmark")


def oci_folder(workload: str, layout: str) -> Path:
    """The image of a workload as an OCI folder; converted and written if it is not there yet.

    layout: one of `FORMATS`. Raises `BadInput` for another one, or for an image that is not built here.
    """
    match layout:
        case "gzip":
            return image_folder(workload) / "oci"
        case "estargz":
            layers = [
                Converted(layer.folder / "estargz" / BLOB_FILE, convert_layer(layer.blob, layer.folder / "estargz"))
                for layer in built_layers(workload)
            ]
        case "estargz-landmark":
            source = workload_folder(workload)
            tree, trace = read_tree(source / TREE_FOLDER), read_trace(source / TRACE_KINDS["throttled"])
            layers = landmark_blobs(workload, tree, trace, [layer.blob for layer in built_layers(workload)])
        case _:
            raise BadInput(f"layout {layout!r}: the testbed serves {', '.join(FORMATS)}")
    return _write(workload, layout, layers)


def check_layers(folder: Path, layout: Layout) -> None:
    """Raise `BadInput` unless an image here has the layers of the catalogue's layout: traces and model are of those."""
    here, known = layer_digests(folder), layout.blobs.column("digest").to_pylist()
    if here != known:
        other = next((digest for digest in here if digest not in known), f"only {len(here)} layers")
        raise BadInput(
            f"{folder}: not the image that the catalogue has recorded ({other} here); packages have changed since: "
            "build and record it anew with `lazypull catalog build NAME --record`"
        )


def _write(workload: str, layout: str, layers: Sequence[Converted]) -> Path:
    folder = image_folder(workload) / f"oci-{layout}"
    config = image_config(recipe(workload))
    write_image(folder, layout, [_layer(layer) for layer in layers], config)
    return folder


def _layer(layer: Converted) -> ImageLayer:
    facts = layer.facts
    blob = LayerBlob(facts.digest, facts.diff_id, facts.size, facts.uncompressed_size)
    return ImageLayer(blob, layer.blob, {TOC_DIGEST: facts.toc_digest})

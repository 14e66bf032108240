"""A catalogue image written anew with other options, as an experiment's `layout:` asks; our own writer makes it."""

from pathlib import Path

from sim.catalog.cache import image_folder
from sim.core.layout import Layout
from sim.core.tree import Tree
from sim.formats.estargz import WriteOptions
from sim.image.convert import ConvertOptions, convert_reference
from sim.image.opened import open_image
from sim.image.priorities import Priorities
from sim.plan.layout_options import LayoutOptions


def write_anew(workload: str, options: LayoutOptions, folder: Path) -> Layout:
    """Write the image into an OCI folder and return where its bytes lie there. Raises `BadInput` or `BadBlob`.

    The image is built here: `<images>/<workload>/oci`.
    """

    def choose(_tree: Tree, layers: int) -> Priorities:
        return Priorities(options.priorities or ((),) * layers)

    write = WriteOptions(chunk_size_bytes=options.chunk_size_bytes, min_chunk_size_bytes=options.min_chunk_size_bytes)
    target = f"oci:{folder}"
    convert_reference(f"oci:{image_folder(workload) / 'oci'}", target, ConvertOptions(write=write, choose=choose))
    with open_image(target) as image:
        return image.layout

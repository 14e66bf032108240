"""Building a workload's image from its recipe: layer by layer, resumable, kept outside the repository."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from sim.catalog.cache import CachedLayer, cached_layers, delete_folder, image_folder, new_folder
from sim.catalog.chroot import merged_root
from sim.catalog.recipe import LayerRecipe, Recipe
from sim.catalog.steps import TRACES_OF_BUILDING, Origin, bootstrap, build_steps, remove
from sim.catalog.workloads import recipe, workload_folder
from sim.core.errors import BadInput, NotPossibleHere
from sim.oci.diff import write_layer
from sim.oci.folder import ImageConfig, ImageLayer, write_image
from sim.oci.packed import LayerBlob
from sim.oci.unpack import unpack_layer

Say = Callable[[str], None]


def build_image(name: str, origin: Origin, *, pinned: bool = True, say: Say = lambda _: None) -> list[CachedLayer]:
    """Build the layers that are missing and write the OCI folder. Needs root, mmdebstrap and package sources.

    pinned: insist on the Debian and PyPI versions the recipe names. say: told what is being done.
    """
    need_root("building an image")
    made, beside = recipe(name), workload_folder(name)
    layers = cached_layers(made, beside)
    for number, (layer, kept) in enumerate(zip(made.layers, layers, strict=True)):
        if not kept.folder.is_dir():
            say(f"{name}: building layer {number} ({layer.name})")
            below = [lower.root for lower in layers[:number]]
            _build_layer(made, layer, below, kept, beside, pinned=pinned, origin=origin)
    with new_folder(image_folder(name) / "oci") as folder:
        plain = [ImageLayer(layer_facts(layer), layer.blob, {}) for layer in layers]
        write_image(folder, name, plain, image_config(made))
    return layers


def lowers(name: str) -> list[Path]:
    """Unpacked layers of a workload's image, lowest first, whiteouts as overlayfs writes them.

    Raises `BadInput` when the image is not built on this machine.
    """
    return [layer.root for layer in built_layers(name)]


def built_layers(name: str) -> list[CachedLayer]:
    """Return the layers of a workload's image as built here. Raises `BadInput` when one is missing."""
    layers = cached_layers(recipe(name), workload_folder(name))
    for layer in layers:
        if not layer.folder.is_dir():
            raise BadInput(f"{layer.folder}: image of {name} is not built here; run `lazypull catalog build {name}`")
    return layers


def layer_facts(layer: CachedLayer) -> LayerBlob:
    """Digests and sizes of a built layer's blob."""
    return msgspec.json.decode(layer.facts.read_bytes(), type=LayerBlob)


def image_config(made: Recipe) -> ImageConfig:
    """Return what the image's config says of its command."""
    return ImageConfig(command=made.command, env=made.env, cwd=made.cwd)


def need_root(what: str) -> None:
    """Raise `NotPossibleHere` unless this process is root."""
    if os.geteuid() != 0:
        raise NotPossibleHere(f"{what} needs root (mounts, owners of files); run it with sudo")


def _build_layer(
    made: Recipe,
    layer: LayerRecipe,
    below: Sequence[Path],
    kept: CachedLayer,
    beside: Path,
    *,
    pinned: bool,
    origin: Origin,
) -> None:
    with new_folder(kept.folder) as folder:
        new, work = CachedLayer(folder), folder / "work"
        work.mkdir()
        if layer.bootstrap is not None:
            bootstrap(layer.bootstrap, work / "upper", origin)
        else:
            with merged_root(below, work) as root:
                build_steps(layer, root, beside, epoch_s=made.epoch, pinned=pinned, origin=origin)
        remove(TRACES_OF_BUILDING, work / "upper")
        facts = write_layer(work / "upper", new.blob, newest_s=made.epoch)
        unpack_layer(new.blob, new.root)
        new.facts.write_bytes(msgspec.json.encode(facts))
        delete_folder(work)

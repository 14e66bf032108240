"""What the builder keeps outside the repository: one folder a layer, shared by images that begin alike."""

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from sim.catalog.recipe import LayerRecipe, Recipe
from sim.core.errors import BadInput, RunFailed

CACHE_VARIABLE = "LAZYPULL_CACHE"
BUILDER_VERSION = 3  # raise it when the same recipe would give other files


@dataclass(frozen=True, slots=True)
class CachedLayer:
    """Where one built layer lies: its blob, its files as an overlay lower, its facts."""

    folder: Path

    @property
    def blob(self) -> Path:
        """The layer as an ordinary gzipped tar."""
        return self.folder / "layer.tar.gz"

    @property
    def root(self) -> Path:
        """The layer unpacked; whiteouts as overlayfs writes them."""
        return self.folder / "root"

    @property
    def facts(self) -> Path:
        """Digests and sizes of the blob, as JSON."""
        return self.folder / "facts.json"


def cache_folder() -> Path:
    """Return the folder for built images: `$LAZYPULL_CACHE` or ~/.cache/lazypull."""
    chosen = os.environ.get(CACHE_VARIABLE)
    return Path(chosen) if chosen else Path.home() / ".cache" / "lazypull"


def image_folder(name: str) -> Path:
    """Where the image of one workload is assembled."""
    return cache_folder() / "images" / name


def cached_layers(made: Recipe, beside: Path) -> list[CachedLayer]:
    """Where each layer of a recipe is kept, lowest first. The key covers all that goes into it and below it.

    beside: the folder of the recipe, which holds the files it copies in.
    """
    total = hashlib.sha256(f"{BUILDER_VERSION}\0{made.epoch}".encode())
    found = []
    for layer in made.layers:
        total.update(_layer_key(layer, beside))
        found.append(CachedLayer(cache_folder() / "layers" / total.hexdigest()[:24]))
    return found


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """Yield an empty folder beside `target`, renamed to it at the end; removed if anything fails."""
    work = target.with_name(f".{target.name}.{os.getpid()}")
    delete_folder(work)
    work.mkdir(parents=True)
    try:
        yield work
        delete_folder(target)
        work.rename(target)
    finally:
        delete_folder(work)


def delete_folder(folder: Path) -> None:
    """Delete a folder if it is there. Raises `RunFailed` rather than delete through something still mounted in it."""
    mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    for point in mounts:
        if Path(point).is_relative_to(folder):
            raise RunFailed(f"{point}: still mounted after a build that failed; run `umount {point}`")
    shutil.rmtree(folder, ignore_errors=True)


def _layer_key(layer: LayerRecipe, beside: Path) -> bytes:
    total = hashlib.sha256(msgspec.json.encode(layer, order="sorted"))
    for copy in layer.copy:
        try:
            total.update((beside / copy.source).read_bytes())
        except OSError as error:
            raise BadInput(
                f"{beside / copy.source}: layer {layer.name} copies it but it cannot be read "
                f"({error.strerror}); add the file or drop the step"
            ) from None
    return total.digest()

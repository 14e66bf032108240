"""Building a workload's image, converting it and keeping what a recorder needs, outside the repository."""

import os
from pathlib import Path

from sim.catalog.workloads import recipe
from sim.core.errors import BadInput

CACHE_VARIABLE = "LAZYPULL_CACHE"


def cache_folder() -> Path:
    """Return the folder for built images: `$LAZYPULL_CACHE` or ~/.cache/lazypull."""
    chosen = os.environ.get(CACHE_VARIABLE)
    return Path(chosen) if chosen else Path.home() / ".cache" / "lazypull"


def image_folder(name: str) -> Path:
    """Where one workload's image is built: OCI folder, eStargz blobs, unpacked layers."""
    return cache_folder() / "images" / name


def lowers(name: str) -> list[Path]:
    """Unpacked layers of a workload's image, lowest first, whiteouts as overlayfs writes them.

    Raises `BadInput` when the image is not built on this machine.
    """
    folders = [image_folder(name) / "layers" / f"{number}" for number in range(len(recipe(name).layers))]
    for folder in folders:
        if not folder.is_dir():
            raise BadInput(f"{folder}: image of {name} is not built here; run `lazypull catalog build {name}` as root")
    return folders

"""`Recipe`: how a workload's image is made and what runs in it; `recipe.yaml`, unknown keys refused."""

from pathlib import Path
from typing import Any

import msgspec
import yaml

from sim.core.errors import BadInput

RECIPE_FILE = "recipe.yaml"


class Bootstrap(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The lowest layer: a Debian suite, with packages beyond the essential ones, documentation left out."""

    suite: str
    variant: str


class Copy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file beside the recipe, put at an absolute path of the image."""

    source: str
    target: str
    mode: str = "0644"


class LayerRecipe(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One layer; its steps run in the order of the fields.

    apt, pip: package → version ("" takes what the archive has).
    remove: globs below the root. run: shell commands inside the image.
    """

    name: str
    bootstrap: Bootstrap | None = None
    apt: dict[str, str] = {}
    pip: dict[str, str] = {}
    copy: tuple[Copy, ...] = ()
    run: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()


class Recipe(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A workload's image and command.

    epoch: no file is newer than this (Unix seconds): the hour of a build does not show in the times of files.
    readiness: when the workload counts as started; rules as `lazypull trace record --ready` takes them.
    last_mark: recording goes on until this mark, if given, else ends when ready.
    """

    name: str
    title: str
    epoch: int
    layers: tuple[LayerRecipe, ...]
    command: tuple[str, ...]
    readiness: str
    env: dict[str, str] = {}
    cwd: str = "/"
    last_mark: str | None = None
    notes: str = ""


def read_recipe(path: Path) -> Recipe:
    """Read and check a recipe. Raises `BadInput` naming the field that is wrong."""
    try:
        made = msgspec.convert(yaml.safe_load(path.read_text()), Recipe)
    except OSError as error:
        raise BadInput(f"{path}: cannot read recipe ({error.strerror}); check the path") from None
    except yaml.YAMLError as error:
        raise BadInput(f"{path}: not YAML ({_one_line(error)}); mend the file") from None
    except msgspec.ValidationError as error:
        raise BadInput(f"{path}: {error}; see traces/README.md for the fields of a recipe") from None
    _check(path, made)
    return made


def _check(path: Path, made: Recipe) -> None:
    if made.name != path.parent.name:
        raise BadInput(f"{path}: name {made.name!r} differs from its folder {path.parent.name!r}; rename one")
    if not made.command:
        raise BadInput(f"{path}: command is empty; say what runs in the image")
    if not made.layers or made.layers[0].bootstrap is None:
        raise BadInput(f"{path}: the first layer has no bootstrap; give it `bootstrap: {{suite, variant}}`")
    for number, layer in enumerate(made.layers[1:], start=1):
        if layer.bootstrap is not None:
            raise BadInput(f"{path}: layer {number} ({layer.name}) has a bootstrap; only the first layer may")
    if made.layers[0] != LayerRecipe(made.layers[0].name, bootstrap=made.layers[0].bootstrap):
        raise BadInput(f"{path}: the first layer has steps beside its bootstrap; put them into the next layer")
    for pattern in (pattern for layer in made.layers for pattern in layer.remove):
        if ".." in Path(pattern).parts or Path(pattern.lstrip("/")).parts[:1] in {("dev",), ("proc",), ()}:
            raise BadInput(f"{path}: remove pattern {pattern!r} reaches outside the layer's own files; narrow it")


def _one_line(error: Any) -> str:
    return " ".join(str(error).split())

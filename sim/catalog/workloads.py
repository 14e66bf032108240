"""Finding a workload's data: one folder a workload, `traces/` beside the package or `$LAZYPULL_TRACES`."""

import difflib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

import sim
from sim.catalog.recipe import RECIPE_FILE, Recipe, read_recipe
from sim.core.bundle import HEADER_FILE
from sim.core.errors import BadInput

FOLDER_VARIABLE = "LAZYPULL_TRACES"
TREE_FOLDER = "tree"
PROVENANCE_FILE = "provenance.json"
LAYOUT_FORMATS: tuple[str, ...] = ("gzip", "estargz", "estargz-landmark")
BLOCKS_FOLDER = "blocks"
SECOND_TRACE = "cold-5ms-b.trace"  # another throttled run of the same hour
TRACE_KINDS: Mapping[str, str] = {"throttled": "cold-5ms.trace", "local": "local-0ms.trace"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """One workload of the catalog.

    command, env, cwd: what runs in the image. readiness: the rule that ends the start, as text.
    content_id: of the tree its traces and layouts belong to.
    layouts: "gzip", "estargz" (no landmark prefetch), "estargz-landmark" → layout bundle.
    traces: "throttled" (reads delayed by 5 ms), "local" (no delay) → trace bundle.
    """

    name: str
    command: tuple[str, ...]
    env: Mapping[str, str]
    cwd: str
    readiness: str
    content_id: str
    folder: Path
    layouts: Mapping[str, Path]
    traces: Mapping[str, Path]

    @property
    def tree(self) -> Path:
        """The tree bundle."""
        return self.folder / TREE_FOLDER

    @property
    def blocks(self) -> Path:
        """The bundle of measured blocks."""
        return self.folder / BLOCKS_FOLDER

    @property
    def second_trace(self) -> Path:
        """Another throttled recording: what is tuned on one is judged on the other."""
        return self.folder / SECOND_TRACE


class _TreeHeader(msgspec.Struct):
    content_id: str


def catalog_folder() -> Path:
    """Find the folder that holds the workloads. Raises `BadInput` when there is none."""
    chosen = os.environ.get(FOLDER_VARIABLE)
    folder = Path(chosen) if chosen else Path(sim.__file__).parent.parent / "traces"
    if not folder.is_dir():
        raise BadInput(f"{folder}: no catalog of workloads here; set {FOLDER_VARIABLE} to a checkout's traces/ folder")
    return folder


def names() -> tuple[str, ...]:
    """Names of all workloads that have a recipe, sorted."""
    return tuple(sorted(file.parent.name for file in catalog_folder().glob(f"*/{RECIPE_FILE}")))


def workload_folder(name: str) -> Path:
    """Find the folder of one workload. Raises `BadInput`, naming the nearest, when there is none."""
    known = names()
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
        mend = f"did you mean {near[0]!r}?" if near else "the catalog is empty"
        raise BadInput(f"workload {name!r} is not in {catalog_folder()}; {mend}")
    return catalog_folder() / name


def recipe(name: str) -> Recipe:
    """Read the recipe of one workload. Raises `BadInput`."""
    return read_recipe(workload_folder(name) / RECIPE_FILE)


def workload(name: str) -> Workload:
    """One workload by name. Raises `BadInput` when it is unknown or its data were never built."""
    folder = workload_folder(name)
    made = recipe(name)
    return Workload(
        name=name,
        command=made.command,
        env=made.env,
        cwd=made.cwd,
        readiness=made.readiness,
        content_id=_content_id(folder),
        folder=folder,
        layouts={format_name: layout_folder(folder, format_name) for format_name in LAYOUT_FORMATS},
        traces={kind: folder / file for kind, file in TRACE_KINDS.items()},
    )


def layout_folder(folder: Path, format_name: str) -> Path:
    """Where a workload's folder keeps the layout of one format."""
    return folder / f"{format_name}.layout"


def _content_id(folder: Path) -> str:
    header = folder / TREE_FOLDER / HEADER_FILE
    try:
        return msgspec.json.decode(header.read_bytes(), type=_TreeHeader).content_id
    except (OSError, msgspec.DecodeError):
        raise BadInput(
            f"{header}: the tree of workload {folder.name} is missing or damaged; "
            f"restore it or run `lazypull catalog build {folder.name}`"
        ) from None

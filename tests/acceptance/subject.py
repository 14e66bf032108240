"""An image of the catalogue, converted by the command line into the testbed's registry."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sim.catalog import workload
from sim.core.trace import read_trace
from sim.core.tree import read_tree
from sim.image.annotations import TOC_DIGEST
from sim.image.priorities import of_trace
from sim.testbed import registry
from tests.acceptance.options import OptionSet
from tests.acceptance.remote import Stand
from tests.acceptance.table import Row, new_row

LAZYPULL = Path(sys.executable).with_name("lazypull")


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer before and after; blob and TOC are the files the registry serves. first: paths before the landmark."""

    source: Path
    blob: Path
    digest: str
    toc_digest: str
    toc: Path | None
    first: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Subject:
    """What is to be accepted, and the row of the table it fills."""

    workload: str
    options: OptionSet
    image: str
    layers: list[Layer]
    row: Row


def convert(stand: Stand, source: Path, name: str, options: OptionSet) -> Subject:
    """Convert the image of a workload as a user does. source: its OCI folder."""
    trace = workload(name).traces["throttled"]
    image = f"{stand.addresses.registry_host}/{name}:{options.name}"
    command = [LAZYPULL, "image", "convert", f"oci:{source}", f"docker://{image}", "--plain-http", "--json"]
    done = subprocess.run([*command, *options.of_lazypull(trace)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    converted = json.loads(done.stdout)["layers"]
    blobs = {file.parent.name: file for file in registry.blob_files(stand.here.folder / "registry", name)}
    first = _first(name, len(converted)) if options.landmark else [()] * len(converted)
    layers = [_layer(source, blobs, layer, paths) for layer, paths in zip(converted, first, strict=True)]
    return Subject(name, options, image, layers, new_row(name, options, [layer["is"]["size"] for layer in converted]))


def _first(name: str, layers: int) -> tuple[tuple[str, ...], ...]:
    """What goes first in each layer: the choice is made of trace and tree, both of which are committed."""
    data = workload(name)
    return of_trace(read_trace(data.traces["throttled"]), read_tree(data.tree), layers, allow_missing=False).by_layer


def _layer(source: Path, blobs: dict[str, Path], converted: dict[str, Any], first: tuple[str, ...]) -> Layer:
    was, now, toc = (converted[key] for key in ("was", "is", "toc"))
    return Layer(
        source=source / "blobs" / "sha256" / _hex(was),
        blob=blobs[_hex(now)],
        digest=now["digest"],
        toc_digest=now["annotations"][TOC_DIGEST],
        toc=blobs[_hex(toc)] if toc else None,
        first=first,
    )


def _hex(descriptor: dict[str, Any]) -> str:
    return descriptor["digest"].removeprefix("sha256:")

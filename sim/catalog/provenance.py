"""`provenance.json`: where a workload's data come from: packages, layers, converter, recordings."""

import platform
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from email.parser import HeaderParser
from pathlib import Path
from typing import Any

import msgspec

from sim.catalog.build import layer_facts
from sim.catalog.cache import CachedLayer
from sim.catalog.recipe import Recipe
from sim.catalog.recordings import Recorded, spread
from sim.catalog.steps import Origin
from sim.catalog.workloads import PROVENANCE_FILE
from sim.core.files import write_file

DPKG_STATUS = "var/lib/dpkg/status"
WHEEL_METADATA = "usr/local/lib/python3*/dist-packages/*.dist-info/METADATA"


def read_provenance(folder: Path) -> dict[str, Any]:
    """What is known so far; empty before the first stage."""
    file = folder / PROVENANCE_FILE
    return msgspec.json.decode(file.read_bytes(), type=dict[str, Any]) if file.exists() else {}


def origin_of(image: Mapping[str, Any] | None) -> Origin:
    """What an image was built from, by its noted facts; of none, nothing and now."""
    if image is None:
        return Origin({}, round(time.time()))
    return Origin(image["packages"]["debian"], round(datetime.fromisoformat(image["noted_at"]).timestamp()))


def note(folder: Path, **facts: Any) -> None:
    """Add or replace some facts; the file is written under another name and renamed."""
    known = read_provenance(folder) | facts
    content = msgspec.json.format(msgspec.json.encode(known, order="sorted"), indent=1) + b"\n"
    write_file(folder / PROVENANCE_FILE, content)


def image_facts(made: Recipe, layers: Sequence[CachedLayer]) -> dict[str, Any]:
    """Facts of the image stage: when, with what, the layers, the version of every package."""
    rows = [{"name": layer.name} | asdict(layer_facts(kept)) for layer, kept in zip(made.layers, layers, strict=True)]
    return {
        "noted_at": now(),
        "built_with": {"python": platform.python_version(), "zlib": zlib.ZLIB_RUNTIME_VERSION},
        "kernel": platform.release(),
        "layers": rows,
        "size": sum(row["size"] for row in rows),
        "raw_size": sum(row["raw_size"] for row in rows),
        "packages": {
            "debian": dict(sorted(_debian_packages(layers))),
            "pypi": dict(sorted(_wheels(layers))),
        },
    }


def recording_facts(recorded: Recorded) -> dict[str, Any]:
    """Facts of the runs at one delay."""
    return {
        "noted_at": now(),
        "kernel": platform.release(),
        "runs": len(recorded.ready_s),
        "ready_s": [round(seconds, 6) for seconds in recorded.ready_s],
        "ready_spread": round(spread(recorded.ready_s), 4),
        "load_average_before": [round(load, 2) for load in recorded.load],
        "kept": "the run with the median ready time",
        "kept_ready_s": round(recorded.kept.ready_ns / 1e9, 6),
    }


def now() -> str:
    """Return the time of day in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _debian_packages(layers: Sequence[CachedLayer]) -> Iterator[tuple[str, str]]:
    """Package and version from the topmost package database."""
    status = next(layer.root / DPKG_STATUS for layer in reversed(layers) if (layer.root / DPKG_STATUS).exists())
    for paragraph in status.read_text().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in paragraph.splitlines() if ": " in line and line[0] != " ")
        if fields.get("Status", "").endswith(" installed"):
            yield fields["Package"], fields["Version"]


def _wheels(layers: Sequence[CachedLayer]) -> Iterator[tuple[str, str]]:
    for layer in layers:
        for file in layer.root.glob(WHEEL_METADATA):
            fields = HeaderParser().parsestr(file.read_text(errors="replace"), headersonly=True)
            yield fields["Name"], fields["Version"]

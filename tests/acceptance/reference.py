"""The reference library as a program: what it says of our blobs, and what its converter makes of the same layers."""

import json
import subprocess
from itertools import zip_longest
from pathlib import Path
from typing import Any

from sim.core.source import FileSource
from sim.formats.estargz.footer import read_footer
from sim.formats.estargz.toc import read_toc_json, toc_place
from tests.acceptance.options import OptionSet

PLACES = ("offset", "innerOffset")  # of compressed bytes: another gzip or zstd has others


def check(tool: Path, blob: Path, layer: Path, toc: Path | None) -> dict[str, Any]:
    """Open and verify a blob and hold every file and byte against the layer it was made from."""
    command = [tool, "check", "-in", blob, "-layer", layer, *(["-toc", toc] if toc else [])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


def toc_entries(blob: Path, toc: Path | None) -> list[dict[str, Any]]:
    """Entries of a TOC, as they stand there but for places."""
    with FileSource(blob) as source:
        if toc is None:
            text = read_toc_json(toc_place(source, read_footer(source), None))
        else:
            with FileSource(toc) as apart:
                text = read_toc_json(toc_place(source, read_footer(source), apart))
    entries = json.loads(text)["entries"]
    return [{key: value for key, value in entry.items() if key not in PLACES} for entry in entries]


def converted_entries(
    tool: Path, layer: Path, options: OptionSet, first: tuple[str, ...], folder: Path
) -> list[dict[str, Any]]:
    """Entries of the TOC that the reference converter writes."""
    blob, toc, listed = folder / "theirs", folder / "theirs.toc", folder / "listed"
    if first:
        listed.write_text("".join(f"{path}\n" for path in first))
    command = [tool, "convert", "-in", layer, "-out", blob, *options.of_reference(toc, listed)]
    subprocess.run(command, capture_output=True, text=True, check=True)
    entries = toc_entries(blob, toc if options.format == "external-toc" else None)
    for file in (blob, toc, listed):
        file.unlink(missing_ok=True)
    return entries


def differing(ours: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> list[tuple[Any, Any]]:
    """Pairs of entries at the same place that are not the same."""
    return [(one, other) for one, other in zip_longest(ours, theirs) if one != other]

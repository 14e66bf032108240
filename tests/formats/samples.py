"""The reference blobs in tests/data/estargz and what the reference reader said of them."""

import gzip
import json
from pathlib import Path

from sim.core.source import FileSource
from sim.formats.estargz import open_blob

DATA = Path(__file__).resolve().parents[1] / "data" / "estargz"
FACTS = json.loads((DATA / "facts.json").read_text())
NAMES = sorted(FACTS)
TAR_OF = {
    "legacy": "sizes",
    "zstd-sizes": "sizes",
    "zstd-kinds": "kinds",
    "zstd-prefetch": "prefetch",
    "zstd-shared": "shared-prefetch",
    "external": "links",
    "external-shared": "shared-prefetch",
}
TARS = sorted({*NAMES} - {*TAR_OF})


def blob_path(name):
    return DATA / f"{name}.esgz"


def tar_path(name):
    """The tar a blob was made from."""
    return DATA / f"{TAR_OF.get(name, name)}.tar.gz"


def open_sample(source, **options):
    """Open a sample's blob, with the TOC beside it if it has one of its own."""
    toc = Path(source.name).with_suffix(".toc")
    return open_blob(source, toc=FileSource(toc) if toc.exists() else None, **options)


def reference_dump(name):
    """(head, entries) as the reference reader sees the blob."""
    lines = gzip.decompress((DATA / f"{name}.dump.gz").read_bytes()).splitlines()
    head, *entries = map(json.loads, lines)
    return head, entries

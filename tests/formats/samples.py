"""The reference blobs in tests/data/estargz and what the reference reader said of them."""

import gzip
import json
from pathlib import Path

DATA = Path(__file__).resolve().parents[1] / "data" / "estargz"
FACTS = json.loads((DATA / "facts.json").read_text())
NAMES = sorted(FACTS)


def blob_path(name):
    return DATA / f"{name}.esgz"


def tar_path(name):
    """The tar a blob was made from."""
    return DATA / f"{'sizes' if name == 'legacy' else name}.tar.gz"


def reference_dump(name):
    """(head, entries) as the reference reader sees the blob."""
    lines = gzip.decompress((DATA / f"{name}.dump.gz").read_bytes()).splitlines()
    head, *entries = map(json.loads, lines)
    return head, entries

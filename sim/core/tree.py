"""`Tree`: the files of an image without any format, one row a path of a layer."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa

from sim.core.bundle import BundleKind, read_bundle, rows, write_bundle
from sim.core.errors import BadBundle

FILE_KINDS: tuple[str, ...] = (
    "reg",
    "dir",
    "symlink",
    "hardlink",
    "char",
    "block",
    "fifo",
    "whiteout",  # the layer removes `path`; no data of its own
    "opaque",  # the directory `path` hides everything below it in lower layers
)

FILES_SCHEMA = pa.schema(
    [
        ("layer", pa.int32()),  # 0 is the lowest
        ("path", pa.string()),  # clean, relative, "" never stored: the root has no row
        ("kind", pa.dictionary(pa.int8(), pa.string())),
        ("size", pa.int64()),  # bytes, regular files only, else 0
        ("mode", pa.int32()),  # permission bits, setuid, setgid, sticky
        ("link", pa.string()),  # target of a symlink as written, of a hard link clean and relative; else null
        ("digest", pa.binary(32)),  # sha256 of the content of a regular file; else null
    ]
)
TREE_KIND = BundleKind("tree", 1, {"files": FILES_SCHEMA})


@dataclass(frozen=True, eq=False)
class Tree:
    """All files of an image, layer by layer; sorted by (layer, path), one row a path (an opaque directory has two).

    files: table with `FILES_SCHEMA`.
    synthetic: true when any file was made up rather than taken from a real image.
    """

    files: pa.Table
    synthetic: bool = False

    @cached_property
    def layers(self) -> int:
        """Number of layers."""
        return 0 if self.files.num_rows == 0 else 1 + max(self.files.column("layer").to_pylist())

    @cached_property
    def content_id(self) -> str:
        """Name of this content: sha256 over every row. Other layer digests, same files → same id."""
        return content_id(self.files)


def content_id(files: pa.Table) -> str:
    """sha256 over the rows of a `FILES_SCHEMA` table in order of (layer, path).

    Owners, times and extended attributes are left out: formats keep them in different precision.
    """
    total = hashlib.sha256()
    ordered = files.sort_by([("layer", "ascending"), ("path", "ascending")])
    for row in rows(ordered, *FILES_SCHEMA.names):
        digest = row["digest"].hex() if row["digest"] is not None else "-"
        fields = (
            row["layer"],
            row["path"],
            row["kind"],
            row["size"],
            row["mode"],
            row["link"] or "-",
            digest,
        )
        total.update("\0".join(str(field) for field in fields).encode("utf-8", "surrogateescape") + b"\n")
    return f"sha256:{total.hexdigest()}"


def write_tree(path: Path, tree: Tree, provenance: dict[str, Any]) -> None:
    """Write a tree bundle; `provenance` says what image it is and how that was built."""
    header = {"content_id": tree.content_id, "synthetic": tree.synthetic, "provenance": provenance}
    write_bundle(path, TREE_KIND, header, {"files": tree.files})


def read_tree(path: Path) -> Tree:
    """Read a tree bundle and check that its content id is the one it was stored under."""
    header, tables = read_bundle(path, TREE_KIND)
    tree = Tree(tables["files"], bool(header.get("synthetic", False)))
    if tree.content_id != header.get("content_id"):
        raise BadBundle(f"{path}: files hash to {tree.content_id}, header says {header.get('content_id')}; damaged")
    return tree

"""What a tar holds, by the standard library and the rules of stargz.md: the independent reader of the tests."""

import hashlib
import posixpath
import tarfile
from pathlib import Path

import pyarrow as pa

from sim.core.tree import FILE_KINDS, FILES_SCHEMA, content_id

KINDS = {
    tarfile.DIRTYPE: "dir",
    tarfile.SYMTYPE: "symlink",
    tarfile.LNKTYPE: "hardlink",
    tarfile.CHRTYPE: "char",
    tarfile.BLKTYPE: "block",
    tarfile.FIFOTYPE: "fifo",
}
MARKERS = {".prefetch.landmark", ".no.prefetch.landmark", "stargz.index.json"}


def clean(name):
    """The name below the root; bytes that are not UTF-8 as Go's JSON encoder writes them."""
    text = "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in name)
    return posixpath.normpath("/" + text).lstrip("/")


def tar_content_id(path: Path) -> str:
    """Content id of a one-layer image."""
    found = {}
    with tarfile.open(path, errors="surrogateescape") as tar:
        for member in tar:
            row = _row(tar, member)
            if row["path"] and row["path"] not in MARKERS:
                found[row["path"], "mark" if row["kind"] in {"whiteout", "opaque"} else ""] = row
    rows = [row for key, row in found.items() if _visible(key, row, found)]
    rows.sort(key=lambda row: (row["path"].encode(), FILE_KINDS.index(row["kind"])))
    return content_id(pa.Table.from_pylist(rows, schema=FILES_SCHEMA))


def _row(tar, member):
    name, kind = clean(member.name), KINDS.get(member.type, "reg")
    parent, base = posixpath.split(name)
    if base == ".wh..wh..opq":
        name, kind = parent, "opaque"
    elif base.startswith(".wh."):
        name, kind = posixpath.join(parent, base[4:]), "whiteout"
    data = tar.extractfile(member).read() if kind == "reg" else b""
    link = {"symlink": clean_text(member.linkname), "hardlink": clean(member.linkname)}.get(kind)
    digest = hashlib.sha256(data).digest() if kind == "reg" else None
    return {
        "layer": 0,
        "path": name,
        "kind": kind,
        "size": len(data),
        "mode": member.mode & 0o7777,
        "link": link,
        "digest": digest,
    }


def clean_text(text):
    return "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in text)


def _visible(key, row, found):
    path = key[0]
    if row["kind"] == "whiteout" and (path, "") in found:
        return False
    parents = [path[:i] for i, c in enumerate(path) if c == "/"]
    return all(found.get((parent, ""), {"kind": "dir"})["kind"] == "dir" for parent in parents)

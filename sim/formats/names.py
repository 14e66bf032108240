"""Names of a layer's entries: how they are cleaned and which have a meaning of their own."""

import posixpath
import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from sim.core.errors import BadBlob

WHITEOUT_PREFIX = ".wh."  # OCI image-spec, layer.md, "Whiteouts"
OPAQUE_NAME = ".wh..wh..opq"  # same, "Opaque Whiteout"
PREFETCH_LANDMARK = ".prefetch.landmark"  # stargz-snapshotter, estargz/types.go
NO_PREFETCH_LANDMARK = ".no.prefetch.landmark"
TOC_NAME = "stargz.index.json"
MARKER_NAMES = frozenset({PREFETCH_LANDMARK, NO_PREFETCH_LANDMARK, TOC_NAME})  # at the root only

_UNCLEAN = re.compile(r"(?:^|/)\.{0,2}(?:/|$)")  # an empty, "." or ".." part
_SURROGATE = re.compile("[\ud800-\udfff]")


def clean_name(name: str) -> str:
    """Path relative to the layer's root: Go's `path.Clean("/" + name)` without its first slash; the root is ""."""
    if not _UNCLEAN.search(name):
        return name
    return posixpath.normpath("/" + name).lstrip("/")


def clean_names(names: Sequence[str], where: str) -> list[str]:
    """`clean_name` of each; few are unclean, but for the last slash of a directory. Raises `BadBlob` for a NUL byte."""
    text = "\0".join(["", *names, ""]).encode("utf-8", "surrogatepass")
    if text.count(b"\0") != len(names) + 1:
        row = next(row for row, name in enumerate(names) if "\0" in name)
        raise BadBlob(f"{where}: entry {row} has a NUL byte in its name {names[row][:80]!r}; rebuild the layer")
    found = list(names)
    for row in _unclean_rows(np.frombuffer(text, np.uint8)):
        found[row] = clean_name(names[row].removesuffix("/"))
    return found


def _unclean_rows(text: npt.NDArray[np.uint8]) -> list[int]:
    """Rows of names with an empty, "." or ".." part. text: the names, each with a NUL before and after it."""
    borders = np.flatnonzero((text == 0) | (text == ord("/")))
    length = np.diff(borders) - 1  # of each part
    short = np.flatnonzero(length <= 2)
    start, length = borders[short] + 1, length[short]
    last = text[np.minimum(start + length, len(text) - 1) - 1]
    unclean = (length == 0) | ((text[start] == ord(".")) & (last == ord(".")))
    row = np.cumsum(text[borders] == 0) - 1
    rows: list[int] = np.unique(row[short[unclean]]).tolist()
    return rows


def text_of(raw: bytes) -> str:
    """Text of a name or link in a tar. Each byte that is not UTF-8 becomes U+FFFD, as in a TOC written by Go."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return _SURROGATE.sub("\ufffd", raw.decode("utf-8", "surrogateescape"))

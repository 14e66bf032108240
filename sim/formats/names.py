"""Names of a layer's entries: how they are cleaned and which have a meaning of their own."""

import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class CleanNames:
    """Cleaned names, and what their one text tells at once.

    longest: bytes of the longest name as written; none is longer when cleaned. whiteouts: False when none can be one.
    """

    paths: list[str]
    longest: int
    whiteouts: bool


def clean_names(names: Sequence[str], where: str) -> CleanNames:
    """`clean_name` of each; few are unclean, but for the last slash of a directory. Raises `BadBlob` for a NUL byte."""
    joined = "\0".join(["", *names, ""])
    text = np.frombuffer(joined.encode("utf-8", "surrogatepass"), np.uint8)
    borders = np.flatnonzero((text == 0) | (text == ord("/")))
    ends = borders[text[borders] == 0]
    if len(ends) != len(names) + 1:
        row = next(row for row, name in enumerate(names) if "\0" in name)
        raise BadBlob(f"{where}: entry {row} has a NUL byte in its name {names[row][:80]!r}; rebuild the layer")
    found = list(names)
    start, length = _unclean_parts(text, borders)
    rows, last = np.searchsorted(ends, start) - 1, (length == 0) & (text[start] == 0)
    for row in rows[last].tolist():
        found[row] = names[row][:-1]
    for row in rows[~last].tolist():
        found[row] = clean_name(names[row])
    return CleanNames(found, int(np.diff(ends).max(initial=1)) - 1, WHITEOUT_PREFIX in joined)


def _unclean_parts(
    text: npt.NDArray[np.uint8], borders: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Place and length of the parts that are empty, "." or "..": between a border (slash or NUL) and the next."""
    length = np.diff(borders) - 1
    short = np.flatnonzero(length <= 2)
    start, length = borders[short] + 1, length[short]
    last = text[start + length - 1]
    unclean = (length == 0) | ((text[start] == ord(".")) & (last == ord(".")))
    return start[unclean], length[unclean]


def text_of(raw: bytes) -> str:
    """Text of a name or link in a tar. Each byte that is not UTF-8 becomes U+FFFD, as in a TOC written by Go."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return _SURROGATE.sub("\ufffd", raw.decode("utf-8", "surrogateescape"))

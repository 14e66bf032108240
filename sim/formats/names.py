"""Names of a layer's entries: how they are cleaned and which have a meaning of their own."""

import posixpath
import re
from collections.abc import Sequence

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


def clean_names(names: Sequence[str]) -> list[str]:
    """`clean_name` of each."""
    unclean = _UNCLEAN.search
    return [name if not unclean(name) else posixpath.normpath("/" + name).lstrip("/") for name in names]


def text_of(raw: bytes) -> str:
    """Text of a name or link in a tar. Each byte that is not UTF-8 becomes U+FFFD, as in a TOC written by Go."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return _SURROGATE.sub("\ufffd", raw.decode("utf-8", "surrogateescape"))

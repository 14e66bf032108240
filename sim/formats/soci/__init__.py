"""SOCI: an ordinary tar.gz, and beside it a table of places (zTOC) from which its deflate stream can be decoded.

A layer is cut into spans; each is decoded alone, with the 32 KiB before it that the zTOC keeps.
"""

from sim.formats.soci.layout import SociLayer, read_soci_layer, soci_layers_layout, soci_layout
from sim.formats.soci.spans import SPAN_BYTES, Spans, find_spans

__all__ = [
    "SPAN_BYTES",
    "SociLayer",
    "Spans",
    "find_spans",
    "read_soci_layer",
    "soci_layers_layout",
    "soci_layout",
]

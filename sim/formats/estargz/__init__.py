"""eStargz and zstd:chunked: a tar whose files are gzip members or zstd frames of their own, with a table of contents.

`open_blob` a `Source`, then `read_file`, `verify` or `layers_layout`; `write_layer` converts any layer.
"""

from sim.formats.estargz.blob import EstargzBlob, open_blob
from sim.formats.estargz.layout import layers_layout
from sim.formats.estargz.options import WriteOptions
from sim.formats.estargz.reader import read_chunk, read_file
from sim.formats.estargz.verify import Verified, verify
from sim.formats.estargz.write import WrittenBlob, write_layer

__all__ = [
    "EstargzBlob",
    "Verified",
    "WriteOptions",
    "WrittenBlob",
    "layers_layout",
    "open_blob",
    "read_chunk",
    "read_file",
    "verify",
    "write_layer",
]

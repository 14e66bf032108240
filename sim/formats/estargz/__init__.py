"""eStargz and zstd:chunked: a tar whose files are gzip members or zstd frames of their own, with a table of contents.

`open_blob` a `Source`, then `read_file`, `verify` or `layers_layout`.
"""

from sim.formats.estargz.blob import EstargzBlob, open_blob
from sim.formats.estargz.layout import layers_layout
from sim.formats.estargz.reader import read_chunk, read_file
from sim.formats.estargz.verify import Verified, verify

__all__ = ["EstargzBlob", "Verified", "layers_layout", "open_blob", "read_chunk", "read_file", "verify"]

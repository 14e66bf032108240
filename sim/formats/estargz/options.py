"""What a layer is converted to."""

from dataclasses import dataclass
from typing import Literal

from sim.core.errors import BadInput

DEFAULT_LEVEL = 9  # stargz-snapshotter, estargz/build.go: gzip.BestCompression
DEFAULT_CHUNK_BYTES = 4 << 20  # estargz/estargz.go, Writer.chunkSize
MAX_CHUNK_BYTES = 1 << 30  # a reader holds a chunk in memory whole
LEVELS = {"gzip": range(1, 10), "zstd": range(1, 23)}


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteOptions:
    """Options of one conversion; the defaults are those of the reference converter.

    compression: "zstd" is zstd:chunked. level: gzip 1 to 9, zstd 1 to 22.
    chunk_size_bytes: of a file, decoded, that get a unit of their own.
    min_chunk_size_bytes: least compressed bytes of a unit; 0 gives each chunk its own. A unit is shorter before a
        landmark, at the end, and where that many are more than is packed in memory at once.
    priorities: files before the prefetch landmark, in order; None or none at all: the no-prefetch landmark.
    allow_missing: priorities that the layer has not are listed in the result instead of being an error.
    external_toc: the TOC goes to a blob of its own.
    """

    compression: Literal["gzip", "zstd"] = "gzip"
    level: int = DEFAULT_LEVEL
    chunk_size_bytes: int = DEFAULT_CHUNK_BYTES
    min_chunk_size_bytes: int = 0
    priorities: tuple[str, ...] | None = None
    allow_missing: bool = False
    external_toc: bool = False

    def check(self) -> None:
        """Raise `BadInput` for options that make no sense."""
        levels = LEVELS.get(self.compression)
        if levels is None:
            raise BadInput(f"compression {self.compression!r} is not known; use gzip or zstd")
        if self.level not in levels:
            raise BadInput(f"{self.compression} level {self.level} does not exist; use {levels[0]} to {levels[-1]}")
        if not 0 < self.chunk_size_bytes <= MAX_CHUNK_BYTES:
            raise BadInput(f"chunk size of {self.chunk_size_bytes} bytes; use 1 to {MAX_CHUNK_BYTES}")
        if not 0 <= self.min_chunk_size_bytes <= MAX_CHUNK_BYTES:
            raise BadInput(f"minimum chunk size of {self.min_chunk_size_bytes} bytes; use 0 to {MAX_CHUNK_BYTES}")
        if self.external_toc and self.compression != "gzip":
            raise BadInput("zstd:chunked has its TOC inside; use gzip for an external TOC")

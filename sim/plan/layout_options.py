"""What one may choose when an image is written as eStargz."""

from dataclasses import dataclass

from sim.core.blocks import BLOCK_BYTES, MAX_CHUNK_BYTES
from sim.core.errors import BadInput

CHUNK_BYTES = 4 << 20  # stargz-snapshotter estargz/estargz.go, Writer.chunkSize


@dataclass(frozen=True, slots=True, kw_only=True)
class LayoutOptions:
    """Options of one candidate, for all layers.

    chunk_size_bytes: raw bytes of a chunk. min_chunk_size_bytes: least bytes of a gzip member (sim.core.sharing); 0: a
    member for each chunk.
    priorities: for each layer, lowest first, paths before the prefetch landmark, in order; an empty list or None gives
    the no-prefetch landmark. Raises `BadInput` for sizes that cannot be estimated.
    """

    chunk_size_bytes: int = CHUNK_BYTES
    min_chunk_size_bytes: int = 0
    priorities: tuple[tuple[str, ...], ...] | None = None

    def __post_init__(self) -> None:
        if not BLOCK_BYTES <= self.chunk_size_bytes <= MAX_CHUNK_BYTES:
            raise BadInput(
                f"chunk size {self.chunk_size_bytes}: only 64 KiB to 16 MiB can be estimated; choose one there"
            )
        if self.min_chunk_size_bytes < 0:
            raise BadInput(f"minimum chunk size {self.min_chunk_size_bytes} is negative; choose 0 or more bytes")

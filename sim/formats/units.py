"""Decoding one unit of a blob, whatever it was compressed with. A new codec joins here."""

from collections.abc import Callable, Iterator, Mapping
from typing import Literal

from sim.core.source import Source
from sim.formats.inflate import inflate_member
from sim.formats.zstdframes import decode_frame

Codec = Literal["gzip", "zstd"]
Decode = Callable[[Source, int, int], Iterator[bytes]]

_DECODERS: Mapping[Codec, Decode] = {"gzip": inflate_member, "zstd": decode_frame}


def decode_unit(codec: Codec, source: Source, offset: int, end: int) -> Iterator[bytes]:
    """Decode the one gzip member or zstd frame that starts at `offset` and ends at or before `end`.

    Yields pieces of at most 256 KiB; a checksum the unit carries has been checked once the iterator is exhausted.
    Raises `BadBlob` when the unit is damaged or cut.
    """
    return _DECODERS[codec](source, offset, end)

"""Size of the TOC a layer would have: its JSON counted, its compressed member between those that were measured."""

from typing import Any

import numpy as np

from sim.core.blocks import BLOCK_BYTES
from sim.plan.estimate_members import Ints, Measured
from sim.plan.estimate_places import Places

# Go's MarshalIndent with a tab; {} stands for digits or a name with its quotes. Source: estargz/types.go, JTOC.
FRAME_BYTES = len('{\n\t"version": 1,\n\t"entries": [\n' + "\n\t]\n}") - len(",\n")  # the last object has no comma
OFFSET_BYTES = len('\t\t\t"offset": ,\n')
INNER_BYTES = len('\t\t\t"innerOffset": ,\n')
CHUNK_OFFSET_BYTES = len('\t\t\t"chunkOffset": ,\n')
CHUNK_SIZE_BYTES = len('\t\t\t"chunkSize": ,\n')
CHUNK_BYTES = len('\t\t{\n\t\t\t"name": ,\n\t\t\t"type": "chunk",\n\t\t\t"chunkDigest": "sha256:"\n\t\t},\n') + 64


def toc_sizes(measured: Measured, layer: int, members: Ints, places: Places, chunk_size: int) -> tuple[int, int]:
    """Bytes of JSON and of the compressed TOC member. members: of the blob, the landmark too."""
    further = places.start > 0
    full = places.length == chunk_size
    offset, inner = places.unit_offset[places.unit], places.inner
    raw = FRAME_BYTES + int(measured.toc[members].sum())
    raw += int((OFFSET_BYTES + _digits(offset))[offset > 0].sum()) + int(
        (INNER_BYTES + _digits(inner))[inner > 0].sum()
    )
    raw += int((CHUNK_BYTES + CHUNK_OFFSET_BYTES + _digits(places.start) + measured.name[places.member])[further].sum())
    raw += int(full.sum()) * (CHUNK_SIZE_BYTES + len(str(chunk_size)))
    size = measured.size[members]
    most = int((-(-size // BLOCK_BYTES) - 1)[size > 0].sum())
    least_packed, most_packed, shared_packed = (sizes[layer] for sizes in measured.toc_packed)
    share, shared = int(further.sum()) / max(1, most), float(np.mean(inner > 0))
    return raw, round(least_packed + share * (most_packed - least_packed) + shared * (shared_packed - least_packed))


def _digits(values: Ints) -> Ints:
    """Decimal digits of whole numbers above 0."""
    powers: np.ndarray[Any, np.dtype[np.int64]] = 10 ** np.arange(1, 19, dtype=np.int64)
    return np.searchsorted(powers, values, side="right") + 1

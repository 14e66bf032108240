"""Which synthetic files make a recorded image as large as an experiment asks. Labelled as synthetic, always.

Sizes and compressibility are drawn, file by file, from the recorded image's own regular files; they lie in layers
of their own above the recorded ones, so nothing recorded moves. All formats get the same files.
"""

import hashlib
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from sim.core.bundle import column
from sim.core.errors import BadConfig
from sim.core.layout import Layout
from sim.core.trace import Trace
from sim.core.units import format_size
from sim.engine.streams import Streams
from sim.experiment.recorded import read_bytes, regular_files

IntColumn = np.ndarray[Any, np.dtype[np.int64]]

PADDING_VERSION = 1  # part of the content id: raise it when the same request gives other files
SAMPLED = 4096  # files drawn at a time


@dataclass(frozen=True, slots=True, kw_only=True)
class PaddingRequest:
    """What an experiment asks for; None leaves a quantity as recorded.

    total_bytes: of all layers as gzip tar. layers: of the padded image. read_share: of the raw bytes of all
    regular files, what is read before the workload is ready.
    """

    total_bytes: int | None = None
    layers: int | None = None
    read_share: float | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class Padding:
    """Synthetic files, one value a file, in order of (layer, name).

    layer: number in the padded image. size: raw bytes. packed: compressed bytes of its eStargz members.
    read: rows of the files that are read, in order of reading; read_length: raw bytes read of each.
    gzip_sizes: compressed bytes of each added layer as gzip tar, which make the total exact.
    """

    content_id: str
    first_layer: int
    layer: IntColumn
    size: IntColumn
    packed: IntColumn
    read: IntColumn
    read_length: IntColumn
    gzip_sizes: IntColumn

    @property
    def added_layers(self) -> int:
        """How many layers hold synthetic files."""
        return len(self.gzip_sizes)

    def names(self) -> list[str]:
        """Path of each file; ascending within a layer."""
        return [f"synthetic-{layer:03d}-{row:08d}" for row, layer in enumerate(self.layer.tolist())]


def plan_padding(gzip: Layout, estargz: Layout, trace: Trace, request: PaddingRequest) -> Padding:
    """Choose the files. gzip, estargz: the recorded image in both formats; trace: a recording of its workload.

    Raises `BadConfig` when the request is below what was recorded or has no room for synthetic files.
    """
    recorded_layers = gzip.blobs.num_rows
    added_bytes = _added_bytes(gzip, request)
    added_layers = _added_layers(recorded_layers, request)
    blob_sizes = column(estargz.blobs, "size")
    gzip_per_packed = _compressed(gzip) / float(blob_sizes.sum())
    size, packed = _draw(estargz, added_bytes / gzip_per_packed)
    if len(size) < added_layers:
        raise BadConfig(
            f"image.layers {request.layers}: {format_size(added_bytes)} of synthetic files are {len(size)} files, too "
            f"few for {added_layers} more layers; raise image.total"
        )
    layer = np.arange(len(size)) % added_layers  # files are drawn independently: each layer gets its share
    order = np.argsort(layer, kind="stable")
    layer, size, packed = layer[order], size[order], packed[order]
    read, read_length = _read(gzip, trace, size, request)
    return Padding(
        content_id=_content_id(gzip.content_id, added_bytes, added_layers),
        first_layer=recorded_layers,
        layer=layer + recorded_layers,
        size=size,
        packed=packed,
        read=read,
        read_length=read_length,
        gzip_sizes=_shares(added_bytes, np.bincount(layer, weights=packed, minlength=added_layers)),
    )


def _compressed(gzip: Layout) -> int:
    return int(column(gzip.blobs, "size").sum())


def _added_bytes(gzip: Layout, request: PaddingRequest) -> int:
    recorded = _compressed(gzip)
    if request.total_bytes is None:
        raise BadConfig("image.layers and image.read_share need image.total: synthetic files must have a size")
    if request.total_bytes <= recorded:
        raise BadConfig(
            f"image.total {format_size(request.total_bytes)} is not above the {format_size(recorded)} of the recorded "
            "image; ask for more or choose a smaller workload"
        )
    return request.total_bytes - recorded


def _added_layers(recorded: int, request: PaddingRequest) -> int:
    if request.layers is None:
        return 1
    if request.layers <= recorded:
        raise BadConfig(
            f"image.layers {request.layers}: the recorded image has {recorded} and synthetic files need one more; "
            f"ask for at least {recorded + 1}"
        )
    return request.layers - recorded


def _draw(estargz: Layout, target: float) -> tuple[IntColumn, IntColumn]:
    """Draw real files with replacement until their eStargz members reach `target` bytes; the last one is cut."""
    size, packed = regular_files(estargz)
    stream = Streams(0).stream("padding")
    rows = np.empty(0, np.int64)
    while packed[rows].sum() < target:
        rows = np.concatenate([rows, stream.integers(len(size), size=max(SAMPLED, len(rows)))])
    reached = np.cumsum(packed[rows])
    count = int(np.searchsorted(reached, target)) + 1
    size, packed = size[rows[:count]], packed[rows[:count]]
    excess = int(reached[count - 1] - target)
    size[-1] = max(1, size[-1] * (packed[-1] - excess) // packed[-1])
    packed[-1] = max(1, packed[-1] - excess)
    return size, packed


def _read(gzip: Layout, trace: Trace, size: IntColumn, request: PaddingRequest) -> tuple[IntColumn, IntColumn]:
    """Which files are read and how much of each: whole files in random order, the last one cut."""
    none = np.empty(0, np.int64)
    if request.read_share is None:
        return none, none
    recorded, files_bytes = read_bytes(trace, gzip), int(regular_files(gzip)[0].sum()) + int(size.sum())
    wanted = round(request.read_share * files_bytes) - recorded
    least, most = recorded / files_bytes, (recorded + int(size.sum())) / files_bytes
    if not 0 <= wanted <= size.sum():
        raise BadConfig(
            f"image.read_share {request.read_share}: with image.total {format_size(request.total_bytes or 0)} between "
            f"{least:.3g} and {most:.3g} can be read, since recorded files are read as recorded; choose a share there"
        )
    order = Streams(0).stream("padding.read").permutation(len(size))
    reached = np.cumsum(size[order])
    count = int(np.searchsorted(reached, wanted)) + 1 if wanted else 0
    read = order[:count]
    length = size[read]
    if count:
        length[-1] -= int(reached[count - 1]) - wanted
    return read, length


def _shares(total: int, weights: np.ndarray[Any, Any]) -> IntColumn:
    """Whole numbers in proportion to the weights that add up to the total."""
    ends = np.round(total * np.cumsum(weights) / weights.sum()).astype(np.int64)
    shares: IntColumn = np.diff(ends, prepend=0)
    return shares


def _content_id(base: str, added_bytes: int, added_layers: int) -> str:
    """What is read does not change the content."""
    text = msgspec.json.encode([base, "padding", PADDING_VERSION, added_bytes, added_layers])
    return f"sha256:{hashlib.sha256(text).hexdigest()}"

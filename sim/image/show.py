"""Looking at an image: formats, tables of contents, chunks and landmarks of its layers; its files on demand."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from sim.core.tree import FILE_KINDS
from sim.formats.estargz import EstargzBlob
from sim.formats.files import REG, LayerFiles
from sim.formats.names import PREFETCH_LANDMARK
from sim.formats.tables import entry_rows
from sim.image.annotations import SYNTHETIC, TOC_DIGEST, raw_size_of
from sim.image.facts import ChunkBucket, FileFacts, ImageFacts, LayerFacts, TocFacts
from sim.image.layers import ImageLayers
from sim.oci.descriptor import Descriptor
from sim.oci.documents import parse_config

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
BUCKET_BYTES = tuple(1 << bits for bits in range(10, 26, 2))  # 1 KiB, 4 KiB, … 16 MiB: upper ends of the histogram
LAZY_FORMATS = {
    "estargz": "eStargz",
    "legacy": "stargz",
    "external": "eStargz, external TOC",
    "zstd-chunked": "zstd:chunked",
}
ORDINARY_FORMATS = {"gzip": "tar.gz", "zstd": "tar.zst", "raw": "tar"}


def show_image(layers: ImageLayers, *, with_files: bool = False) -> ImageFacts:
    """Look at an image. Of a registry only documents and tables of contents are fetched.

    with_files: list the files too, for which each ordinary layer is read whole. Raises `BadInput`, `BadBlob`.
    """
    image = layers.image
    config = parse_config(image.document(image.config), where=f"{image.name}: config {image.config.digest}")
    shown = [_show_layer(layers, number, with_files=with_files) for number in range(len(layers))]
    return ImageFacts(
        name=image.name,
        digest=image.manifest.digest,
        media_type=image.manifest.media_type,
        platform=str(config.platform),
        config_digest=image.config.digest,
        size_bytes=sum(layer.size for layer in image.layers),
        synthetic=SYNTHETIC in image.annotations,
        annotations=dict(image.annotations),
        layers=tuple(facts for facts, _ in shown),
        files=tuple(file for _, files in shown for file in files) if with_files else None,
    )


def _show_layer(layers: ImageLayers, number: int, *, with_files: bool) -> tuple[LayerFacts, list[FileFacts]]:
    descriptor = layers.image.layers[number]
    opened = layers.read(number) if with_files else layers.read_toc(number)
    if isinstance(opened, EstargzBlob):
        return _lazy(number, descriptor, opened), _lazy_files(number, opened) if with_files else []
    facts = _ordinary(number, descriptor, opened.codec if opened else layers.codec(number))
    if opened is None:
        return facts, []
    sizes = opened.files.sizes[_regular(opened.files)]
    facts = replace(facts, raw_size_bytes=opened.raw_size, files=len(sizes), files_bytes=int(sizes.sum()))
    return facts, _list_files(number, opened.files)


def _ordinary(number: int, descriptor: Descriptor, codec: str) -> LayerFacts:
    """What is known of a layer that is not read."""
    return LayerFacts(
        number=number,
        digest=descriptor.digest,
        media_type=descriptor.media_type,
        format=ORDINARY_FORMATS[codec],
        size_bytes=descriptor.size,
        raw_size_bytes=raw_size_of(descriptor.annotations),
    )


def _lazy(number: int, descriptor: Descriptor, blob: EstargzBlob) -> LayerFacts:
    regular = _regular(blob.files)
    of_files = _file_chunks(blob)
    sizes = blob.files.sizes[regular]
    has_landmark = blob.landmark == "prefetch"
    return LayerFacts(
        number=number,
        digest=descriptor.digest,
        media_type=descriptor.media_type,
        format=LAZY_FORMATS[blob.footer.kind],
        size_bytes=descriptor.size,
        raw_size_bytes=raw_size_of(descriptor.annotations),
        files=len(sizes),
        files_bytes=int(sizes.sum()),
        landmark=blob.landmark,
        prefetch_bytes=blob.landmark_offset if has_landmark else 0,
        prefetch_files=int((_is_first(blob) & regular).sum()) if has_landmark else 0,
        chunks=int(of_files.sum()),
        units=len(blob.chunks.unit_offset),
        chunk_sizes=_histogram(blob.chunks.length[of_files]),
        toc=TocFacts(
            digest=blob.toc.digest,
            packed_bytes=blob.toc.place.size,
            raw_bytes=blob.toc.raw_size,
            entries=len(blob.entries),
            external=blob.footer.kind == "external",
            promised=TOC_DIGEST in descriptor.annotations,
        ),
    )


def _histogram(lengths: Ints) -> tuple[ChunkBucket, ...]:
    """Chunks by size; empty ends are left out."""
    place = np.searchsorted(np.array(BUCKET_BYTES), lengths)
    count = np.bincount(place, minlength=len(BUCKET_BYTES) + 1)
    total = np.bincount(place, weights=lengths, minlength=len(BUCKET_BYTES) + 1)
    used = np.flatnonzero(count)
    if not len(used):
        return ()
    return tuple(
        ChunkBucket(up_to_bytes=upper, chunks=int(count[row]), raw_bytes=int(total[row]))
        for row, upper in enumerate([*BUCKET_BYTES, None])
        if used[0] <= row <= used[-1]
    )


def _lazy_files(number: int, blob: EstargzBlob) -> list[FileFacts]:
    """Entries of a layer with the part of the blob each needs."""
    table, row_of = blob.chunks, entry_rows([blob.files])[0]
    known = _file_chunks(blob)
    row = row_of[table.owner[known]]
    unit = table.unit[known]
    in_unit = np.bincount(table.unit, weights=table.length, minlength=len(table.unit_size))
    share = table.unit_size[unit] * (table.length[known] / in_unit[unit])
    count = len(blob.files.paths)
    packed = np.rint(np.bincount(row, weights=share, minlength=count)).astype(np.int64).tolist()
    chunks = np.bincount(row, minlength=count).tolist()
    first = _is_first(blob).tolist() if blob.landmark == "prefetch" else None
    return [
        replace(
            file,
            packed_bytes=packed[at] if file.kind == "reg" else 0,
            chunks=chunks[at] if file.kind == "reg" else 0,
            first=first[at] if first else None,
        )
        for at, file in zip(np.flatnonzero(blob.files.in_tree).tolist(), _list_files(number, blob.files), strict=True)
    ]


def _list_files(number: int, files: LayerFiles) -> list[FileFacts]:
    """Entries of a layer, as far as any format tells."""
    kinds, sizes = files.kinds.tolist(), files.sizes.tolist()
    return [
        FileFacts(
            layer=number,
            path=files.paths[row],
            kind=FILE_KINDS[kinds[row]],
            size_bytes=sizes[row],
            link=files.links[row],
        )
        for row in np.flatnonzero(files.in_tree).tolist()
    ]


def _regular(files: LayerFiles) -> Bools:
    """Which rows are regular files of the image."""
    regular: Bools = files.in_tree & (files.kinds == REG)
    return regular


def _file_chunks(blob: EstargzBlob) -> Bools:
    """Which chunks belong to files of the image: not to a landmark, nor to an entry that a later one replaces."""
    row_of = np.append(entry_rows([blob.files])[0], -1)
    row = row_of[np.minimum(blob.chunks.owner, len(row_of) - 1)]
    known: Bools = (row >= 0) & blob.files.in_tree[row]
    return known


def _is_first(blob: EstargzBlob) -> Bools:
    """Which entries are listed before the prefetch landmark."""
    row = blob.files.regular[PREFETCH_LANDMARK]
    earlier: Bools = blob.files.source < blob.files.source[row]
    return earlier

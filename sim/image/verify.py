"""Checking an image from end to end: digests, diff ids, tables of contents, chunks, and that TOC and tar agree."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from sim.core.errors import BadBlob, BadInput
from sim.core.source import Source
from sim.core.tree import FILE_KINDS
from sim.formats.estargz import EstargzBlob, read_chunk, verify
from sim.formats.files import REG, LayerFiles
from sim.formats.tarlayer import TarLayer, read_tar_layer, tar_pieces
from sim.image.annotations import UNCOMPRESSED_SIZE, raw_size_of
from sim.image.layers import ImageLayers
from sim.image.zstd_annotations import zstd_faults
from sim.oci.documents import parse_config
from sim.oci.transfer import checked, pieces_of

MOST_FAULTS = 20  # of one kind in one layer; a blob that is wrong altogether needs no more


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedLayer:
    """What was checked of a layer: bytes of its tar, regular files, and chunks where it has a table of contents."""

    number: int
    digest: str
    raw_size_bytes: int = 0
    files: int = 0
    chunks: int | None = None
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """The outcome: one line a fault, of the image and of each layer; none when all is right."""

    name: str
    digest: str
    layers: tuple[CheckedLayer, ...]
    faults: tuple[str, ...]


class _Faults(list[str]):
    """Lines; what is raised as wrong input becomes one that says of what it is."""

    def __init__(self, where: str) -> None:
        super().__init__()
        self._where = where

    @contextmanager
    def catching(self) -> Iterator[None]:
        try:
            yield
        except BadInput as error:
            text = str(error)
            self.append(text if text.startswith(self._where) else f"{self._where}: {text}")


def verify_image(layers: ImageLayers, step: Callable[[str, int], None] = lambda _text, _number: None) -> Verification:
    """Check all of an image: every byte of it is read, from a registry fetched.

    step: hears which layer is checked. Raises `RunFailed` when a registry cannot be spoken to; faults are not raised.
    """
    faults, diff_ids = _config_faults(layers)
    checked_layers = []
    for number in range(len(layers)):
        step("check", number)
        wanted = diff_ids[number] if number < len(diff_ids) else None
        checked_layers.append(_check_layer(layers, number, wanted))
    return Verification(
        name=layers.image.name,
        digest=layers.image.manifest.digest,
        layers=tuple(checked_layers),
        faults=(*faults, *(fault for layer in checked_layers for fault in layer.faults)),
    )


def _config_faults(layers: ImageLayers) -> tuple[list[str], tuple[str, ...]]:
    """Faults of the config, and its diff ids."""
    image, faults = layers.image, _Faults(layers.image.name)
    diff_ids: tuple[str, ...] = ()
    with faults.catching():
        diff_ids = parse_config(image.document(image.config), where=f"{image.name}: config").diff_ids
        if len(diff_ids) != len(image.layers):
            faults.append(f"{image.name}: config has {len(diff_ids)} diff ids, the manifest {len(image.layers)} layers")
    return faults, diff_ids


def _check_layer(layers: ImageLayers, number: int, diff_id: str | None) -> CheckedLayer:
    descriptor, faults = layers.image.layers[number], _Faults(layers.name(number))
    tar: TarLayer | None = None
    blob: EstargzBlob | None = None
    with faults.catching(), layers.whole(number) as source:
        with faults.catching():
            for _ in checked(pieces_of(source), descriptor, source.name):
                pass
        with faults.catching():
            faults += _diff_id_faults(source, diff_id)
        with faults.catching():
            tar = read_tar_layer(source)
        with faults.catching():
            blob = layers.open_toc(number, source)
            if blob is not None:
                faults += _chunk_faults(blob)
                faults += zstd_faults(blob, descriptor.annotations)
    if tar is not None:
        faults += _size_faults(layers, number, tar)
    if tar is not None and blob is not None:
        faults += _difference(blob.files, tar.files, layers.name(number))
    return CheckedLayer(
        number=number,
        digest=descriptor.digest,
        raw_size_bytes=tar.raw_size if tar else 0,
        files=int((tar.files.in_tree & (tar.files.kinds == REG)).sum()) if tar else 0,
        chunks=len(blob.chunks.owner) if blob else None,
        faults=tuple(dict.fromkeys(faults)),
    )


def _diff_id_faults(source: Source, wanted: str | None) -> Iterator[str]:
    total = hashlib.sha256()
    for piece in tar_pieces(source):
        total.update(piece)
    found = f"sha256:{total.hexdigest()}"
    if wanted is not None and found != wanted:
        yield f"{source.name}: diff id is {found}, the config has {wanted}"


def _chunk_faults(blob: EstargzBlob) -> Iterator[str]:
    """Chunks and files that do not have their digests; one by one only where some do not."""
    try:
        verify(blob)
    except BadBlob as error:
        listed = list(_bad_chunks(blob))
        yield from listed[:MOST_FAULTS] or [str(error)]
        if len(listed) > MOST_FAULTS:
            yield f"{blob.source.name}: and more chunks are damaged"


def _bad_chunks(blob: EstargzBlob) -> Iterator[str]:
    path_of = dict(zip(blob.files.source.tolist(), blob.files.paths, strict=True))
    found = 0
    for chunk in range(len(blob.chunks.owner)):
        try:
            read_chunk(blob, chunk)
        except BadBlob as error:
            path = path_of.get(int(blob.chunks.owner[chunk]), "an entry replaced by a later one")
            yield f"{error} (it is of {path[:200]!r})"
            found += 1
            if found > MOST_FAULTS:
                return


def _size_faults(layers: ImageLayers, number: int, tar: TarLayer) -> Iterator[str]:
    annotations = layers.image.layers[number].annotations
    if UNCOMPRESSED_SIZE in annotations and raw_size_of(annotations) != tar.raw_size:
        said = annotations[UNCOMPRESSED_SIZE][:40]
        yield f"{layers.name(number)}: {tar.raw_size} bytes decompressed, its annotation says {said!r}"


def _difference(toc: LayerFiles, tar: LayerFiles, where: str) -> Iterator[str]:
    """Entries that the table of contents and the tar do not have alike."""
    in_toc, in_tar = _entries(toc), _entries(tar)
    differing = [key for key in sorted(in_toc.keys() | in_tar.keys()) if in_toc.get(key) != in_tar.get(key)]
    for path, kind in differing[:MOST_FAULTS]:
        if (path, kind) not in in_toc:
            yield f"{where}: {path[:200]!r} ({kind}) is in the tar but not in the TOC"
        elif (path, kind) not in in_tar:
            yield f"{where}: {path[:200]!r} ({kind}) is in the TOC but not in the tar"
        else:
            yield f"{where}: {path[:200]!r} ({kind}) is not alike in TOC and tar: size, mode, target or content"
    if len(differing) > MOST_FAULTS:
        yield f"{where}: and {len(differing) - MOST_FAULTS} more entries differ between TOC and tar"


def _entries(files: LayerFiles) -> dict[tuple[str, str], tuple[int, int, str | None, bytes | None]]:
    """Path and kind of each entry of the image → size, mode, link and digest."""
    kinds, sizes, modes = files.kinds.tolist(), files.sizes.tolist(), files.modes.tolist()
    return {
        (files.paths[row], FILE_KINDS[kinds[row]]): (sizes[row], modes[row], files.links[row], files.digests[row])
        for row in np.flatnonzero(files.in_tree).tolist()
    }

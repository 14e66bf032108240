"""Images in tar files: OCI archives and `docker save` archives, read in place.

`docker save` since Docker 25 writes an OCI layout with a manifest.json beside it; before, only manifest.json with
uncompressed layers. Sources: OCI image-spec, image-layout.md; moby, image/tarexport/{save,tarexport}.go.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from sim.core.errors import BadBlob, BadInput
from sim.core.source import Source, sha256_of
from sim.oci.descriptor import (
    OCI_CONFIG,
    OCI_INDEX,
    OCI_LAYER,
    OCI_LAYER_GZIP,
    OCI_LAYER_ZSTD,
    OCI_MANIFEST,
    Descriptor,
    Platform,
)
from sim.oci.documents import DOCUMENT_BYTES_MAX, describe, encode_manifest, parse_config, parse_index
from sim.oci.folder_image import INDEX_FILE, blob_path, named
from sim.oci.opened import OpenedImage, open_from
from sim.oci.reference import is_same_name
from sim.oci.tarindex import SliceSource, TarIndex
from sim.oci.transfer import pieces_of

DOCKER_FILE = "manifest.json"
LAYER_TYPES = {b"\x1f\x8b": OCI_LAYER_GZIP, b"\x28\xb5": OCI_LAYER_ZSTD}  # by how a layer begins; a tar else


class _Saved(msgspec.Struct, rename="pascal"):
    """One image of manifest.json: names inside the archive, layers bottom first."""

    config: str
    layers: list[str]
    repo_tags: list[str] | None = None


class ArchiveStore:
    """Blobs of a tar file. `places`: where a digest lies, if not where an OCI layout has it; `made`: made documents."""

    def __init__(self, index: TarIndex, places: Mapping[str, str], made: Mapping[str, bytes]) -> None:
        self.name = index.name
        self._index = index
        self._places = places
        self._made = made

    def stream(self, descriptor: Descriptor) -> Iterator[bytes]:
        """All bytes of a blob."""
        if descriptor.digest in self._made:
            return iter([self._made[descriptor.digest]])
        return pieces_of(self._member(descriptor))

    @contextmanager
    def source(self, descriptor: Descriptor) -> Iterator[Source]:
        """Random access to a blob, in the tar file."""
        yield self._member(descriptor)

    def _member(self, descriptor: Descriptor) -> SliceSource:
        return self._index.member(self._places.get(descriptor.digest, blob_path(descriptor.digest)))

    def close(self) -> None:
        """Close the tar file."""
        self._index.close()


def open_archive(file: Path, tag: str | None, platform: Platform) -> OpenedImage:
    """Open the image called `tag`, or the only one, of an OCI or docker archive. Raises `BadInput`."""
    index = TarIndex(file)
    try:
        if index.find(INDEX_FILE):
            return _open_layout(index, tag, platform)
        if index.find(DOCKER_FILE):
            return _open_saved(index, tag, platform)
        raise BadInput(f"{file}: neither {INDEX_FILE} nor {DOCKER_FILE} in it, so no image; pass an image archive")
    except BaseException:
        index.close()
        raise


def _open_layout(index: TarIndex, tag: str | None, platform: Platform) -> OpenedImage:
    raw = index.small(INDEX_FILE, DOCUMENT_BYTES_MAX)
    entries = parse_index(raw, media_type=OCI_INDEX, where=f"{index.name}: {INDEX_FILE}")
    return open_from(ArchiveStore(index, {}, {}), named(entries, tag, index.name), platform)


def _open_saved(index: TarIndex, tag: str | None, platform: Platform) -> OpenedImage:
    """An image as `docker save` wrote it before Docker 25: a manifest is made from what is there."""
    saved = _choose(_read_saved(index), tag, index.name)
    config = index.small(saved.config, DOCUMENT_BYTES_MAX)
    facts = parse_config(config, where=f"{index.name}: {saved.config}")
    if len(facts.diff_ids) != len(saved.layers):
        raise BadBlob(
            f"{index.name}: {len(saved.layers)} layers, but {saved.config} lists {len(facts.diff_ids)}; save it again"
        )
    layers = [_layer(index, name, diff_id) for name, diff_id in zip(saved.layers, facts.diff_ids, strict=True)]
    described = describe(OCI_CONFIG, config)
    manifest = encode_manifest(described, layers)
    root = describe(OCI_MANIFEST, manifest)
    places = {layer.digest: name for layer, name in zip(layers, saved.layers, strict=True)}
    return open_from(
        ArchiveStore(index, places | {described.digest: saved.config}, {root.digest: manifest}), [root], platform
    )


def _read_saved(index: TarIndex) -> list[_Saved]:
    try:
        return msgspec.json.decode(index.small(DOCKER_FILE, DOCUMENT_BYTES_MAX), type=list[_Saved])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadBlob(f"{index.name}: {DOCKER_FILE} is damaged ({error}); save the image again") from None


def _choose(images: Sequence[_Saved], tag: str | None, where: str) -> _Saved:
    if tag is None and len(images) == 1:
        return images[0]
    known = sorted(name for image in images for name in image.repo_tags or ())
    if tag is None:
        raise BadInput(f"{where}: {len(images)} images are there; name one of {', '.join(known) or 'none with a name'}")
    for image in images:
        if is_same_name(tag, image.repo_tags or ()):
            return image
    raise BadInput(f"{where}: no image {tag} there; it has {', '.join(known) or 'none with a name'}")


def _layer(index: TarIndex, name: str, diff_id: str) -> Descriptor:
    """A layer's descriptor; a compressed one, which docker takes but does not write, has to be read for its digest."""
    source = index.member(name)
    media_type = LAYER_TYPES.get(source.read_at(0, min(2, source.size)), OCI_LAYER)
    digest = diff_id if media_type == OCI_LAYER else sha256_of(source)
    return Descriptor(media_type=media_type, digest=digest, size=source.size)

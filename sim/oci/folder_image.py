"""OCI folders: read as images, and written so that nothing shows before all is there.

Source: OCI image-spec v1.1, image-layout.md; "io.containerd.image.name" is what containerd and docker add to it.
"""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import msgspec

from sim.core.errors import BadInput
from sim.core.files import write_file
from sim.core.source import FileSource, Source
from sim.oci.descriptor import OCI_INDEX, Descriptor, Platform
from sim.oci.documents import DOCUMENT_BYTES_MAX, describe, encode, encode_index, parse_index, plain
from sim.oci.opened import OpenedImage, open_from
from sim.oci.reference import DEFAULT_TAG, is_same_name
from sim.oci.transfer import beside, checked, pieces_of_file, write_pieces, writing
from sim.oci.whole import require_whole

INDEX_FILE = "index.json"
LAYOUT_FILE = "oci-layout"
LAYOUT = {"imageLayoutVersion": "1.0.0"}
REF_NAME = "org.opencontainers.image.ref.name"
IMAGE_NAME = "io.containerd.image.name"


def blob_path(digest: str) -> str:
    """Where a folder or archive keeps a blob, from its root."""
    algorithm, _, encoded = digest.partition(":")
    return f"blobs/{algorithm}/{encoded}"


def open_folder(folder: Path, tag: str | None, platform: Platform) -> OpenedImage:
    """Open the image called `tag`, or the only one, of an OCI folder. Raises `BadInput`."""
    entries = read_index(folder)
    return open_from(FolderStore(folder), named(entries, tag, str(folder)), platform)


def read_index(folder: Path) -> tuple[Descriptor, ...]:
    """Entries of a folder's index.json. Raises `BadInput` when it is no OCI folder."""
    file = folder / INDEX_FILE
    try:
        with file.open("rb") as stream:
            raw = stream.read(DOCUMENT_BYTES_MAX + 1)
    except OSError as error:
        raise BadInput(f"{file}: no OCI folder ({error.strerror}); pass a folder with {INDEX_FILE}") from None
    return parse_index(raw, media_type=OCI_INDEX, where=str(file))


def named(entries: Sequence[Descriptor], tag: str | None, where: str) -> list[Descriptor]:
    """The entries called `tag`; without a tag, all, which must have one name at most. Raises `BadInput`."""
    names = sorted({name for entry in entries for name in _names(entry)})
    if tag is None and len({_names(entry) for entry in entries}) > 1:
        raise BadInput(f"{where}: several images are there; name one of {', '.join(names)}")
    found = [entry for entry in entries if tag is None or is_same_name(tag, _names(entry))]
    if not found:
        raise BadInput(f"{where}: no image {tag or ''} there; it has {', '.join(names) or 'none with a name'}")
    return found


def _names(entry: Descriptor) -> tuple[str, ...]:
    return tuple(entry.annotations[key] for key in (IMAGE_NAME, REF_NAME) if key in entry.annotations)


class FolderStore:
    """Blobs of an OCI folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.name = str(folder)

    def stream(self, descriptor: Descriptor) -> Iterator[bytes]:
        """All bytes of a blob."""
        return pieces_of_file(self._folder / blob_path(descriptor.digest))

    def source(self, descriptor: Descriptor) -> AbstractContextManager[Source]:
        """Random access to a blob."""
        return FileSource(self._folder / blob_path(descriptor.digest))

    def close(self) -> None:
        """Do nothing: no file stays open."""


class FolderSink:
    """Writes an image into an OCI folder, a new one or one with other images, as `ImageSink`.

    Everything gathers in a hidden folder beside it. A new folder appears by one rename; in one that exists the
    blobs are moved in and the index, which makes them an image, is replaced last.
    """

    def __init__(self, folder: Path, tag: str | None) -> None:
        self.name = str(folder)
        self._folder = folder
        self._tag = tag or DEFAULT_TAG
        self._documents: dict[str, bytes] = {}
        if folder.exists() and any(folder.iterdir() if folder.is_dir() else [folder]):
            read_index(folder)  # refuse to write into anything else
        with writing(folder):
            folder.parent.mkdir(parents=True, exist_ok=True)
            self._staging = Path(tempfile.mkdtemp(prefix=beside(folder), dir=folder.parent))

    def put_blob(self, descriptor: Descriptor, file: Path) -> None:
        """Take a blob from `file`."""
        if not self._has(descriptor):
            pieces = checked(pieces_of_file(file), descriptor, str(file))
            write_pieces(pieces, self._staging / blob_path(descriptor.digest))

    def put_document(self, media_type: str, data: bytes) -> Descriptor:
        """Take a document."""
        descriptor = describe(media_type, data)
        with writing(self._folder):
            write_file(self._staging / blob_path(descriptor.digest), data)
        self._documents[descriptor.digest] = data
        return descriptor

    def finish(self, manifest: Descriptor) -> None:
        """Make the image visible under its tag; an older image of that tag loses its name."""
        require_whole(manifest, self._documents, self._has, self.name)
        entry = replace(manifest, annotations={**manifest.annotations, REF_NAME: self._tag})
        with writing(self._folder):
            if self._folder.exists() and any(self._folder.iterdir()):
                self._join(entry)
            else:
                self._appear(entry)

    def _appear(self, entry: Descriptor) -> None:
        (self._staging / LAYOUT_FILE).write_bytes(encode(LAYOUT))
        (self._staging / INDEX_FILE).write_bytes(encode_index([entry]))
        self._staging.chmod(0o755)
        self._staging.rename(self._folder)

    def _join(self, entry: Descriptor) -> None:
        for blob in sorted(self._staging.glob("blobs/*/*")):
            target = self._folder / blob.relative_to(self._staging)
            target.parent.mkdir(parents=True, exist_ok=True)
            blob.rename(target)
        others = [other for other in _raw_entries(self._folder) if _tag_of(other) != self._tag]
        index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [*others, plain(entry)]}
        write_file(self._folder / INDEX_FILE, encode(index))

    def _has(self, descriptor: Descriptor) -> bool:
        files = (root / blob_path(descriptor.digest) for root in (self._staging, self._folder))
        return any(file.is_file() and file.stat().st_size == descriptor.size for file in files)

    def close(self) -> None:
        """Remove what is not part of a finished image."""
        shutil.rmtree(self._staging, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def _raw_entries(folder: Path) -> list[dict[str, Any]]:
    """Entries of an index that was read before, with every key they have."""
    return list(msgspec.json.decode((folder / INDEX_FILE).read_bytes())["manifests"])


def _tag_of(entry: dict[str, Any]) -> str | None:
    annotations: dict[str, str] = entry.get("annotations") or {}
    return annotations.get(REF_NAME)

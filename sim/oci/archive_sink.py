"""Writing an image as one tar file: an OCI archive, or an archive that `docker load` takes, old and new.

The docker archive is the layout of Docker 25 and later: the OCI layout with a manifest.json beside it.
"""

import os
import tarfile
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Self

from sim.core.errors import BadInput
from sim.oci.archive_image import DOCKER_FILE
from sim.oci.descriptor import Descriptor
from sim.oci.documents import describe, encode, encode_index, parse_manifest
from sim.oci.folder_image import IMAGE_NAME, INDEX_FILE, LAYOUT, LAYOUT_FILE, REF_NAME, blob_path
from sim.oci.reference import DEFAULT_TAG, parse_reference
from sim.oci.transfer import beside, checked, pieces_of_file, writing
from sim.oci.whole import require_whole


class ArchiveSink:
    """Writes an image to a tar file, as `ImageSink`: under a temporary name beside it, renamed by `finish`.

    docker: whether to add manifest.json, and to read `tag` as REPO:TAG. A file that is there is replaced.
    Same blobs in the same order give the same bytes: times and owners in the archive are 0.
    """

    def __init__(self, file: Path, tag: str | None, *, docker: bool) -> None:
        self.name = str(file)
        self._file = file
        self._docker = docker
        self._annotations = _names(tag, docker=docker)
        self._placed: set[str] = set()
        self._documents: dict[str, bytes] = {}
        with writing(file):
            file.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix=beside(file), dir=file.parent)
        self._temporary = Path(name)
        self._stream = os.fdopen(handle, "wb")

    def put_blob(self, descriptor: Descriptor, file: Path) -> None:
        """Append a blob from `file`, unless it is there."""
        if descriptor.digest in self._placed:
            return
        start = self._stream.tell()
        try:
            self._append(
                blob_path(descriptor.digest), descriptor.size, checked(pieces_of_file(file), descriptor, str(file))
            )
        except BaseException:  # what was written of it is taken back, so that the archive can go on
            with writing(self._file):
                self._stream.seek(start)
                self._stream.truncate()
            raise
        self._placed.add(descriptor.digest)

    def put_document(self, media_type: str, data: bytes) -> Descriptor:
        """Append a document."""
        descriptor = describe(media_type, data)
        if descriptor.digest not in self._placed:
            self._append(blob_path(descriptor.digest), len(data), [data])
            self._placed.add(descriptor.digest)
        self._documents[descriptor.digest] = data
        return descriptor

    def finish(self, manifest: Descriptor) -> None:
        """Write the index last and rename."""
        entry = replace(manifest, annotations={**manifest.annotations, **self._annotations})
        require_whole(manifest, self._documents, lambda part: part.digest in self._placed, self.name)
        last = {LAYOUT_FILE: encode(LAYOUT), INDEX_FILE: encode_index([entry])}
        if self._docker:
            last[DOCKER_FILE] = self._docker_manifest(manifest)
        for name, data in last.items():
            self._append(name, len(data), [data])
        with writing(self._file):
            end = 2 * tarfile.BLOCKSIZE  # of zeros end an archive, and tar fills up the last record
            self._stream.write(bytes(end + -(self._stream.tell() + end) % tarfile.RECORDSIZE))
            self._stream.close()
            self._temporary.chmod(0o644)
            self._temporary.rename(self._file)

    def _docker_manifest(self, manifest: Descriptor) -> bytes:
        raw = self._documents.get(manifest.digest)
        if raw is None or not manifest.is_manifest:
            raise BadInput(f"{self.name}: a docker archive holds one manifest; pass --platform or write oci-archive:")
        parsed = parse_manifest(raw, media_type=manifest.media_type, where=self.name)
        tags = [parse_reference(self._annotations[IMAGE_NAME]).familiar] if IMAGE_NAME in self._annotations else []
        layers = [blob_path(layer.digest) for layer in parsed.layers]
        return encode([{"Config": blob_path(parsed.config.digest), "RepoTags": tags, "Layers": layers}])

    def _append(self, name: str, size: int, pieces: Iterable[bytes]) -> None:
        member = tarfile.TarInfo(name)
        member.size, member.mode = size, 0o644
        with writing(self._file):
            self._stream.write(member.tobuf(tarfile.PAX_FORMAT))
            for piece in pieces:
                self._stream.write(piece)
            self._stream.write(bytes(-size % tarfile.BLOCKSIZE))

    def close(self) -> None:
        """Remove the temporary file of an archive that was not finished."""
        with suppress(OSError):  # of bytes that were to be written still, on a full disk
            self._stream.close()
        self._temporary.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def _names(tag: str | None, *, docker: bool) -> dict[str, str]:
    """Annotations of the archive's only entry."""
    if not docker:
        return {REF_NAME: tag or DEFAULT_TAG}
    if tag is None:
        return {}
    reference = parse_reference(tag)
    return {IMAGE_NAME: reference.tagged, REF_NAME: reference.tag or DEFAULT_TAG}

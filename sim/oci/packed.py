"""An ordinary layer blob as it is written: a tar stream into gzip, both digests taken on the way."""

import gzip
import hashlib
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, cast

GZIP_LEVEL = 6  # what docker and buildkit write unless told otherwise


@dataclass(frozen=True, slots=True)
class LayerBlob:
    """Facts of a written blob; digests as "sha256:…", sizes in bytes. `diff_id` is of the uncompressed tar."""

    digest: str
    diff_id: str
    size: int
    raw_size: int


def write_packed(file: IO[bytes], fill: Callable[[tarfile.TarFile], None]) -> LayerBlob:
    """Write a gzipped tar to an open file. Same members → same bytes. fill: adds them."""
    blob = _Hashed(file)
    with gzip.GzipFile(filename="", fileobj=blob, mode="wb", compresslevel=GZIP_LEVEL, mtime=0) as packed:
        raw = _Hashed(packed)
        with tarfile.open(fileobj=cast("IO[bytes]", raw), mode="w|", format=tarfile.PAX_FORMAT) as archive:
            fill(archive)
    file.flush()
    return LayerBlob(blob.digest, raw.digest, blob.size, raw.size)


class _Hashed:
    """Counts and hashes what goes through to a file."""

    def __init__(self, file: IO[bytes] | gzip.GzipFile) -> None:
        self._file = file
        self._sha256 = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> int:
        self._sha256.update(data)
        self.size += len(data)
        return self._file.write(data)

    def flush(self) -> None:
        self._file.flush()

    @property
    def digest(self) -> str:
        return f"sha256:{self._sha256.hexdigest()}"

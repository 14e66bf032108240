"""Random access to the bytes of a blob: a file, or bytes in memory."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

from sim.core.errors import BadBlob, BadInput

HASH_BYTES = 1 << 20  # read at a time while hashing


class Source(Protocol):
    """Where a blob's bytes come from. `name` is what error messages call it; `size` is in bytes."""

    @property
    def name(self) -> str:
        """What error messages call this blob."""

    @property
    def size(self) -> int:
        """Bytes of the blob."""

    def read_at(self, offset: int, length: int) -> bytes:
        """Exactly `length` bytes from `offset`. Raises `BadBlob` when they are not all there."""


@dataclass(frozen=True, slots=True)
class BytesSource:
    """A blob held in memory."""

    data: bytes
    name: str = "<bytes>"

    @property
    def size(self) -> int:
        """Bytes of the blob."""
        return len(self.data)

    def read_at(self, offset: int, length: int) -> bytes:
        """Exactly `length` bytes from `offset`. Raises `BadBlob` when they are not all there."""
        check_range(self, offset, length)
        return self.data[offset : offset + length]


class FileSource:
    """A blob in a file, read by position. Close it, or use it in a `with` statement."""

    def __init__(self, path: str | Path) -> None:
        self.name = str(path)
        try:
            self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise BadInput(f"{path}: cannot read the layer ({error.strerror}); pass an existing file") from None
        self.size = os.fstat(self._fd).st_size

    def read_at(self, offset: int, length: int) -> bytes:
        """Exactly `length` bytes from `offset`. Raises `BadBlob` when they are not all there."""
        check_range(self, offset, length)
        data = os.pread(self._fd, length, offset)
        while len(data) < length:  # the kernel gives at most 2 GiB a call
            more = os.pread(self._fd, length - len(data), offset + len(data))
            if not more:
                raise BadBlob(f"{self.name}: file became shorter than {self.size} bytes while it was read; try again")
            data += more
        return data

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def check_range(source: Source, offset: int, length: int) -> None:
    """Refuse a range that is not inside the blob, before any memory is taken. Raises `BadBlob`."""
    if offset < 0 or length < 0 or offset + length > source.size:
        raise BadBlob(
            f"{source.name}: bytes {offset}+{length} are not inside the blob of {source.size} bytes;"
            " it is cut short or damaged, fetch it again"
        )


def sha256_of(source: Source) -> str:
    """Digest of all bytes of a blob, as "sha256:…"; read in pieces."""
    total = hashlib.sha256()
    for offset in range(0, source.size, HASH_BYTES):
        total.update(source.read_at(offset, min(HASH_BYTES, source.size - offset)))
    return f"sha256:{total.hexdigest()}"

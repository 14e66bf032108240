"""Bytes on their way: checked against the descriptor that promised them, and written whole or not at all."""

import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sim.core.errors import BadBlob, BadInput, RunFailed
from sim.core.source import Source
from sim.oci.descriptor import Descriptor

PIECE_BYTES = 1 << 20  # read, hashed and written at a time


def checked(pieces: Iterable[bytes], descriptor: Descriptor, where: str) -> Iterator[bytes]:
    """Pass pieces on; too many bytes end it at once, too few or other ones at the end. Raises `BadBlob`."""
    algorithm, _, expected = descriptor.digest.partition(":")
    total = hashlib.new(algorithm)
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > descriptor.size:
            raise BadBlob(f"{where}: {descriptor.digest} is longer than the {descriptor.size} bytes promised; {MEND}")
        total.update(piece)
        yield piece
    if size != descriptor.size:
        raise BadBlob(f"{where}: {descriptor.digest} ended after {size} of {descriptor.size} bytes; {MEND}")
    if total.hexdigest() != expected:
        raise BadBlob(f"{where}: the bytes are not those of {descriptor.digest}; {MEND}")


MEND = "it is damaged, fetch or build it again"


def pieces_of(source: Source) -> Iterator[bytes]:
    """All bytes of a source, in pieces."""
    for offset in range(0, source.size, PIECE_BYTES):
        yield source.read_at(offset, min(PIECE_BYTES, source.size - offset))


def pieces_of_file(file: Path) -> Iterator[bytes]:
    """All bytes of a file, in pieces. Raises `BadInput` when it cannot be read."""
    try:
        with file.open("rb") as stream:
            while piece := stream.read(PIECE_BYTES):
                yield piece
    except OSError as error:
        raise BadInput(f"{file}: cannot read it ({error.strerror}); pass an existing file") from None


@contextmanager
def writing(place: Path) -> Iterator[None]:
    """Say in one line what the system says when a disk is full or a folder closed. Raises `RunFailed`."""
    try:
        yield
    except OSError as error:
        why = error.strerror or str(error)
        raise RunFailed(f"{place}: cannot write it ({why}); make room there, or choose another place") from None


def beside(place: Path) -> str:
    """How the temporary names beside a place begin: hidden, and no longer than a name may be."""
    return f".{place.name[:100]}."


def write_pieces(pieces: Iterable[bytes], file: Path) -> None:
    """Write to a temporary name beside `file`, then rename; on any error nothing is left of it."""
    with writing(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=beside(file), dir=file.parent)
    temporary = Path(name)
    try:
        with writing(file), os.fdopen(handle, "wb") as stream:
            for piece in pieces:
                stream.write(piece)
        with writing(file):
            temporary.chmod(0o644)
            temporary.rename(file)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


class CheckedSource:
    """A source whose size was checked, and whose digest is whenever the whole of it is read at once."""

    def __init__(self, source: Source, descriptor: Descriptor) -> None:
        if source.size != descriptor.size:
            raise BadBlob(
                f"{source.name}: {descriptor.digest} has {source.size} bytes, not {descriptor.size} as promised; {MEND}"
            )
        self._source = source
        self._descriptor = descriptor
        self.name = source.name
        self.size = source.size

    def read_at(self, offset: int, length: int) -> bytes:
        """Exactly `length` bytes from `offset`. Raises `BadBlob` when they are not all there."""
        data = self._source.read_at(offset, length)
        if length == self.size:
            data = b"".join(checked([data], self._descriptor, self.name))
        return data

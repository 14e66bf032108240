"""The tar inside a layer as something one can read anywhere in: decoded once into a file without a name."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from sim.core.source import BytesSource, FileSource, Source, check_range
from sim.formats.tarlayer import layer_codec, tar_pieces


class _SpooledTar:
    """A file that is deleted when it is closed, read by position."""

    def __init__(self, name: str, file: IO[bytes], size: int) -> None:
        self.name, self._file, self.size = name, file, size

    def read_at(self, offset: int, length: int) -> bytes:
        check_range(self, offset, length)
        return os.pread(self._file.fileno(), length, offset)


@contextmanager
def spooled_tar(source: Source, folder: Path) -> Iterator[Source]:
    """The tar of a layer, decoded into `folder` if it is compressed or not at hand. Raises `BadBlob` for a bomb."""
    if isinstance(source, BytesSource | FileSource) and layer_codec(source) == "raw":
        yield source
        return
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        size = 0
        for piece in tar_pieces(source):
            size += len(piece)
            file.write(piece)
        yield _SpooledTar(source.name, file, size)

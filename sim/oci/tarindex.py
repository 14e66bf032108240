"""Random access into an uncompressed tar file: where each member's bytes lie; nothing is unpacked."""

import io
import posixpath
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from sim.core.errors import BadBlob, BadInput
from sim.core.source import FileSource, Source, check_range

MEMBERS_MAX = 100_000  # an image has a few a layer; containerd and docker stop at 127 layers
HEADER_BYTES_MAX = 1 << 20  # of one long name or PAX record; names in an image archive are short
LINKS_MAX = 8  # `docker save` before 25 writes a symlink for a layer that is there twice, one deep
COMPRESSED = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bzip2", b"\xfd7zXZ": "xz"}


@dataclass(frozen=True, slots=True)
class Slice:
    """Where a member's bytes lie in the tar file, in bytes."""

    offset: int
    size: int


class SliceSource:
    """A part of another source, as a source. It closes nothing."""

    def __init__(self, whole: Source, part: Slice, name: str) -> None:
        self.name = name
        self.size = part.size
        self._whole = whole
        self._offset = part.offset

    def read_at(self, offset: int, length: int) -> bytes:
        """Exactly `length` bytes from `offset`. Raises `BadBlob` when they are not all there."""
        check_range(self, offset, length)
        return self._whole.read_at(self._offset + offset, length)


class TarIndex:
    """The regular files of a tar file by name; of several with one name the last, as unpacking would leave it."""

    def __init__(self, file: Path) -> None:
        self.name = str(file)
        self._source = FileSource(file)
        try:
            self._members, self._links = _scan(file)
        except BaseException:
            self._source.close()
            raise

    def find(self, name: str) -> SliceSource | None:
        """A member's bytes, through symlinks inside the archive; None if it is not there."""
        place = posixpath.normpath(name)
        for _ in range(LINKS_MAX):
            if part := self._members.get(place):
                return SliceSource(self._source, part, f"{self.name}: {place}")
            if place not in self._links:
                return None
            place = posixpath.normpath(posixpath.join(posixpath.dirname(place), self._links[place]))
        return None

    def member(self, name: str) -> SliceSource:
        """A member's bytes. Raises `BadBlob` if it is not there."""
        found = self.find(name)
        if found is None:
            raise BadBlob(f"{self.name}: {name} is missing from the archive; save the image again")
        return found

    def small(self, name: str, limit: int) -> bytes:
        """All bytes of a member of at most `limit` bytes. Raises `BadBlob`."""
        source = self.member(name)
        if source.size > limit:
            raise BadBlob(f"{source.name}: {source.size} bytes, over the {limit} such a document may have")
        return source.read_at(0, source.size)

    def close(self) -> None:
        """Close the file."""
        self._source.close()


class _Bounded(io.BufferedReader):
    """A file for `tarfile` that refuses to read a header of gigabytes."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or not 0 <= size <= HEADER_BYTES_MAX:
            raise tarfile.ReadError(f"a header of over {HEADER_BYTES_MAX} bytes")
        return super().read(size)


def _scan(file: Path) -> tuple[Mapping[str, Slice], Mapping[str, str]]:
    members: dict[str, Slice] = {}
    links: dict[str, str] = {}
    try:
        with file.open("rb", buffering=0) as raw, _Bounded(raw) as stream:
            _refuse_compressed(file, stream)
            size = file.stat().st_size
            with tarfile.open(fileobj=cast("IO[bytes]", stream), mode="r:") as archive:
                for _ in range(MEMBERS_MAX):
                    member = archive.next()
                    if member is None:
                        return members, links
                    _note(file, size, member, members, links)
    except (tarfile.TarError, OSError, ValueError, EOFError) as error:
        raise BadBlob(f"{file}: no readable tar file ({error}); pass an image archive or a folder") from None
    raise BadBlob(f"{file}: over {MEMBERS_MAX} members, so no image archive; pass another file")


def _note(file: Path, size: int, member: tarfile.TarInfo, members: dict[str, Slice], links: dict[str, str]) -> None:
    name = posixpath.normpath(member.name)
    if member.isreg() and member.sparse is None:
        if member.offset_data + member.size > size:
            raise BadBlob(f"{file}: {name} reaches beyond the end of the file; it is cut short, save the image again")
        members[name] = Slice(member.offset_data, member.size)
        links.pop(name, None)
    elif member.issym():
        links[name] = member.linkname
        members.pop(name, None)


def _refuse_compressed(file: Path, stream: _Bounded) -> None:
    head = stream.read(6)
    stream.seek(0)
    for magic, tool in COMPRESSED.items():
        if head.startswith(magic):
            raise BadInput(f"{file}: compressed by {tool}, so its parts cannot be reached; unpack it first ({tool} -d)")

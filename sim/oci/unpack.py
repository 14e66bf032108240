"""A layer blob to a directory that overlayfs takes as a lower: the way containerd's overlay snapshotter unpacks."""

import os
import stat
import tarfile
from pathlib import Path, PurePosixPath

from sim.core.errors import BadBlob
from sim.oci.diff import OPAQUE_ATTRIBUTE, OPAQUE_NAME, PAX_ATTRIBUTE_PREFIX, WHITEOUT_PREFIX


def unpack_layer(blob: Path, folder: Path) -> None:
    """Unpack a gzipped tar into the empty `folder`; owners, modes, times and capabilities kept. Needs root.

    Raises `BadBlob` when it is no gzipped tar or a name would leave the folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    directories: list[tarfile.TarInfo] = []
    try:
        with tarfile.open(blob, mode="r|gz") as archive:
            for member in archive:
                _place(archive, member, folder)
                if member.isdir():
                    directories.append(member)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise BadBlob(f"{blob}: cannot unpack ({error}); build or fetch the layer again") from None
    for member in reversed(directories):  # children changed their parents' times
        os.utime(folder / member.name, (member.mtime, member.mtime))


def _place(archive: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    name = PurePosixPath(member.name)
    if name.is_absolute() or ".." in name.parts:
        raise BadBlob(f"{archive.name!s}: entry {member.name!r} leaves the layer; refuse this layer")
    target = folder / name
    if name.name == OPAQUE_NAME:
        os.setxattr(target.parent, OPAQUE_ATTRIBUTE, b"y")
    elif name.name.startswith(WHITEOUT_PREFIX):
        os.mknod(target.parent / name.name.removeprefix(WHITEOUT_PREFIX), stat.S_IFCHR, os.makedev(0, 0))
    else:
        archive.extract(member, folder, numeric_owner=True, filter="fully_trusted")
        _set_attributes(member, target)


def _set_attributes(member: tarfile.TarInfo, target: Path) -> None:
    for key, value in member.pax_headers.items():
        if key.startswith(PAX_ATTRIBUTE_PREFIX):
            name = key.removeprefix(PAX_ATTRIBUTE_PREFIX)
            os.setxattr(target, name, value.encode("utf-8", "surrogateescape"), follow_symlinks=False)

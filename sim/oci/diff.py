"""A layer blob from a directory as overlayfs leaves it: names sorted, whiteouts as the OCI image format spells them."""

import os
import stat
import tarfile
from collections.abc import Iterator
from pathlib import Path

from sim.oci.packed import LayerBlob, write_packed

WHITEOUT_PREFIX = ".wh."  # OCI image-spec, layer.md, "Whiteouts"
OPAQUE_NAME = ".wh..wh..opq"  # the same, "Opaque Whiteout"
OPAQUE_ATTRIBUTE = "trusted.overlay.opaque"  # kernel, filesystems/overlayfs.rst, "whiteouts and opaque directories"
PAX_ATTRIBUTE_PREFIX = "SCHILY.xattr."  # how tar keeps an extended attribute
KEPT_ATTRIBUTES = ("security.capability",)


def write_layer(root: Path, out: Path, *, newest_s: int) -> LayerBlob:
    """Write `root` as a gzipped tar. Same files → same bytes.

    newest_s: modification times above it are lowered to it. Sockets are left out, as docker leaves them out.
    """
    with out.open("wb") as file:
        return write_packed(file, lambda archive: _add_all(archive, root, newest_s))


def _add_all(archive: tarfile.TarFile, root: Path, newest_s: int) -> None:
    first_names: dict[tuple[int, int], str] = {}
    for path in _walk(root):
        status = path.lstat()
        if stat.S_ISSOCK(status.st_mode):
            continue
        member = _member(path, status, str(path.relative_to(root)), newest_s)
        is_file = stat.S_ISREG(status.st_mode)
        if is_file and status.st_nlink > 1:
            first = first_names.setdefault((status.st_dev, status.st_ino), member.name)
            if first != member.name:
                member.type, member.linkname, member.size = tarfile.LNKTYPE, first, 0
        if is_file and member.isreg():
            with path.open("rb") as content:
                archive.addfile(member, content)
        else:
            archive.addfile(member)
        if member.isdir() and _is_opaque(path):
            archive.addfile(_empty(f"{member.name}/{OPAQUE_NAME}", newest_s))


def _walk(root: Path) -> Iterator[Path]:
    """Everything below `root`, each directory before what it holds, names sorted."""
    for entry in sorted(os.scandir(root), key=lambda entry: entry.name):
        path = Path(entry.path)
        yield path
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(path)


def _member(path: Path, status: os.stat_result, name: str, newest_s: int) -> tarfile.TarInfo:
    if stat.S_ISCHR(status.st_mode) and status.st_rdev == 0:  # how overlayfs marks a removal
        parent, _, last = name.rpartition("/")
        return _empty(f"{parent}/{WHITEOUT_PREFIX}{last}".lstrip("/"), newest_s)
    member = tarfile.TarInfo(name)
    member.mode = stat.S_IMODE(status.st_mode)
    member.uid, member.gid = status.st_uid, status.st_gid
    member.mtime = min(int(status.st_mtime), newest_s)
    member.type = _tar_type(status.st_mode)
    if member.isreg():
        member.size = status.st_size
        member.pax_headers = _attributes(path)
    elif member.issym():
        member.linkname = str(path.readlink())
    elif member.ischr() or member.isblk():
        member.devmajor, member.devminor = os.major(status.st_rdev), os.minor(status.st_rdev)
    return member


def _tar_type(mode: int) -> bytes:
    types = {
        stat.S_IFREG: tarfile.REGTYPE,
        stat.S_IFDIR: tarfile.DIRTYPE,
        stat.S_IFLNK: tarfile.SYMTYPE,
        stat.S_IFCHR: tarfile.CHRTYPE,
        stat.S_IFBLK: tarfile.BLKTYPE,
        stat.S_IFIFO: tarfile.FIFOTYPE,
    }
    return types[stat.S_IFMT(mode)]


def _empty(name: str, mtime_s: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.mtime = mtime_s
    return member


def _attributes(path: Path) -> dict[str, str]:
    present = set(os.listxattr(path, follow_symlinks=False)) & set(KEPT_ATTRIBUTES)
    return {
        f"{PAX_ATTRIBUTE_PREFIX}{name}": os.getxattr(path, name, follow_symlinks=False).decode(
            "utf-8", "surrogateescape"
        )
        for name in sorted(present)
    }


def _is_opaque(path: Path) -> bool:
    try:
        return os.getxattr(path, OPAQUE_ATTRIBUTE, follow_symlinks=False) == b"y"
    except OSError:
        return False

"""The sample layers: small tars by the standard library, and how each is converted. Everything is fixed: no clock."""

import gzip
import hashlib
import io
import tarfile
from collections.abc import Callable
from dataclasses import dataclass

CHUNK = 1000  # bytes; small, so that a few kilobytes have many chunks


@dataclass(frozen=True)
class Sample:
    """A tar and the options of its conversion.

    prioritized: paths before the landmark, None for no list. tar_of: the sample whose tar it shares.
    external_toc: the TOC goes to a blob of its own.
    """

    fill: Callable[[tarfile.TarFile], None]
    options: tuple[str, ...] = ("-chunk-size", str(CHUNK))
    prioritized: tuple[str, ...] | None = None
    tar_format: int = tarfile.PAX_FORMAT
    tar_of: str | None = None
    external_toc: bool = False


def noise(size: int, seed: str) -> bytes:
    """Bytes that do not compress, the same at every run."""
    blocks = (hashlib.sha256(f"{seed} {i}".encode()).digest() for i in range(size // 32 + 1))
    return b"".join(blocks)[:size]


def build_tar_gz(sample: Sample) -> bytes:
    """The sample's tar.gz."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=sample.tar_format, errors="surrogateescape") as tar:
        sample.fill(tar)
    return gzip.compress(raw.getvalue(), mtime=0)


def add(tar, name, data=None, *, kind=tarfile.REGTYPE, link="", mode=0o644, pax=None, device=(0, 0)):
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname, entry.mode, entry.mtime = kind, link, mode, 1_600_000_000
    entry.size = len(data or b"")
    entry.pax_headers = pax or {}
    entry.devmajor, entry.devminor = device
    tar.addfile(entry, io.BytesIO(data or b""))


def folder(tar, name, mode=0o755):
    add(tar, name, kind=tarfile.DIRTYPE, mode=mode)


def sizes(tar):
    folder(tar, "s/")
    for size in (0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 5 * CHUNK + 17):
        add(tar, f"s/{size}", noise(size, f"sizes {size}"))
    add(tar, "s/zeros", bytes(4 * CHUNK))


def links(tar):
    folder(tar, "bin/")
    add(tar, "bin/tool", noise(1500, "tool"), mode=0o4755)
    add(tar, "bin/same", kind=tarfile.LNKTYPE, link="bin/tool", mode=0o4755)
    add(tar, "bin/again", kind=tarfile.LNKTYPE, link="./bin/same")
    add(tar, "bin/to-link", kind=tarfile.LNKTYPE, link="bin/soft")
    add(tar, "bin/soft", kind=tarfile.SYMTYPE, link="../bin/tool", mode=0o777)
    add(tar, "bin/dangling", kind=tarfile.SYMTYPE, link="/nowhere", mode=0o777)
    add(tar, "bin/other", noise(700, "other"))


def kinds(tar):
    folder(tar, "./")
    folder(tar, "dev", mode=0o1777)
    add(tar, "dev/null", kind=tarfile.CHRTYPE, device=(1, 3), mode=0o666)
    add(tar, "dev/zero-zero", kind=tarfile.CHRTYPE, mode=0o600)
    add(tar, "dev/disk", kind=tarfile.BLKTYPE, device=(8, 1), mode=0o660)
    add(tar, "dev/pipe", kind=tarfile.FIFOTYPE, mode=0o2640)
    add(tar, "dev/file", b"data")


def whiteouts(tar):
    folder(tar, "etc")
    add(tar, "etc/.wh.gone")
    add(tar, "etc/kept", b"kept")
    add(tar, "etc/.wh.kept")
    folder(tar, "opt")
    add(tar, "opt/.wh..wh..opq")
    add(tar, "opt/new", b"new")
    add(tar, ".wh.top")


def names(tar):
    folder(tar, "./usr/")
    add(tar, "./usr/dotted", b"1")
    add(tar, "/absolute", b"2")
    add(tar, "../../climbs", b"3")
    add(tar, "usr//double", b"4")
    add(tar, "usr/x/../folded", b"5")
    folder(tar, "usr/" + "long" * 30)
    add(tar, "usr/" + "long" * 30 + "/" + "name" * 40, b"6")
    add(tar, "usr/ключ-名前-é", b"7")
    add(tar, 'usr/<&>"quoted\u2028', b"8")
    add(tar, "usr/soft", kind=tarfile.SYMTYPE, link="target" * 30)
    add(tar, "usr-dash/before-usr-slash", b"9")
    add(tar, "file", b"10")
    add(tar, "file/below-a-file", b"11")


def raw_names(tar):
    folder(tar, "raw")
    add(tar, b"raw/\xff\xe2\x82x".decode("utf-8", "surrogateescape"), b"1")
    add(tar, "raw/" + "gnu" * 60, b"2")
    add(tar, "raw/soft", kind=tarfile.SYMTYPE, link="gnu" * 60)


def xattrs(tar):
    folder(tar, "x")
    add(tar, "x/capable", noise(1200, "x"), pax={"SCHILY.xattr.user.note": "hello", "comment": "ignored"})
    add(tar, "x/fraction", b"t", pax={"mtime": "1.5"})
    add(tar, "x/owner", b"o", pax={"uid": "3000000000"})


def duplicates(tar):
    folder(tar, "d", mode=0o700)
    add(tar, "d/f", noise(2500, "first"))
    add(tar, "d/g", b"g")
    add(tar, "./d/f", b"second, shorter than a chunk")
    folder(tar, "d/", mode=0o750)
    add(tar, "d/becomes-link", noise(100, "b"))
    add(tar, "d/becomes-link", kind=tarfile.SYMTYPE, link="g")


def application(tar):
    for name in ("app/", "app/lib/", "app/data/"):
        folder(tar, name)
    for i in range(12):
        add(tar, f"app/lib/{i:02}.so", noise(300 + 217 * i, f"lib {i}"))
    add(tar, "app/run", kind=tarfile.LNKTYPE, link="app/lib/03.so")
    add(tar, "app/data/big", noise(9 * CHUNK, "big"))
    add(tar, "app/data/text", b"lazy pulling " * 700)


def nothing(tar):
    """An empty tar."""


PRIORITIZED = ("app/run", "app/data/text", "app/lib/07.so", "/app/lib/07.so", "./app/lib/01.so", "missing")
PREFETCH = ("-chunk-size", str(CHUNK), "-allow-missing")

SAMPLES = {
    "empty": Sample(nothing),
    "sizes": Sample(sizes),
    "links": Sample(links, prioritized=("bin/same", "bin/soft")),
    "kinds": Sample(kinds),
    "whiteouts": Sample(whiteouts),
    "names": Sample(names),
    "raw-names": Sample(raw_names, tar_format=tarfile.GNU_FORMAT),
    "xattrs": Sample(xattrs),
    "duplicates": Sample(duplicates),
    "prefetch": Sample(application, PREFETCH, PRIORITIZED),
    "shared": Sample(application, ("-chunk-size", str(CHUNK), "-min-chunk-size", "2500")),
    "shared-prefetch": Sample(application, (*PREFETCH, "-min-chunk-size", "1200"), PRIORITIZED),
    "parallel": Sample(application, ("-chunk-size", str(CHUNK), "-parallelism", "2")),
    "zstd-sizes": Sample(sizes, ("-chunk-size", str(CHUNK), "-zstd"), tar_of="sizes"),
    "zstd-kinds": Sample(kinds, ("-zstd",), tar_of="kinds"),
    "zstd-prefetch": Sample(application, (*PREFETCH, "-zstd", "-level", "3"), PRIORITIZED, tar_of="prefetch"),
    "zstd-shared": Sample(
        application, (*PREFETCH, "-zstd", "-min-chunk-size", "1200"), PRIORITIZED, tar_of="shared-prefetch"
    ),
    "external": Sample(links, prioritized=("bin/same",), tar_of="links", external_toc=True),
    "external-shared": Sample(
        application, (*PREFETCH, "-min-chunk-size", "1200"), PRIORITIZED, tar_of="shared-prefetch", external_toc=True
    ),
}
LEGACY = "legacy"  # the sample "sizes" with an old footer and without a landmark, see make.py

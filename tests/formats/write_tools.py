"""Layers made by hand for the writer's tests, and the reference tool they are compared with."""

import gzip
import io
import json
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from sim.core.source import BytesSource, FileSource
from sim.formats.estargz import open_blob, write_layer
from sim.formats.estargz.toc import read_toc_json

TOOL_SOURCE = Path(__file__).resolve().parents[2] / "tools" / "estargz"
END = bytes(1024)


def build_tool(folder):
    """The reference tool, compiled; skips loudly where that cannot be done."""
    if shutil.which("go") is None:
        pytest.skip("Go is not installed, so layers were NOT compared with the reference converter; install Go 1.25")
    tool = folder / "estargz"
    subprocess.run(["go", "build", "-o", str(tool), "."], cwd=TOOL_SOURCE, check=True)
    return tool


def info(name, kind=tarfile.REGTYPE, size=0, **fields):
    """A tar header of the standard library."""
    entry = tarfile.TarInfo(name)
    entry.type, entry.size = kind, size
    for key, value in fields.items():
        setattr(entry, key, value)
    return entry


def header(name, *, tar_format=tarfile.USTAR_FORMAT, kind=tarfile.REGTYPE, **fields):
    """Header blocks of one entry."""
    return info(name, kind, **fields).tobuf(tar_format, "utf-8", "surrogateescape")


def entry(name, data=b"", **fields):
    """Header blocks and padded payload of a regular file."""
    return header(name, size=len(data), **fields) + data + bytes(-len(data) % 512)


def folder(name, **fields):
    return header(name, kind=tarfile.DIRTYPE, **fields)


def hard_link(name, target, **fields):
    return header(name, kind=tarfile.LNKTYPE, linkname=target, **fields)


def soft_link(name, target, **fields):
    return header(name, kind=tarfile.SYMTYPE, linkname=target, **fields)


def patched(block, offset, data):
    """The first block of some, with bytes put in and the checksum made right."""
    changed = bytearray(block)
    changed[offset : offset + len(data)] = data
    changed[148:156] = b" " * 8
    changed[148:156] = b"%06o\0 " % sum(changed[:512])
    return bytes(changed)


def source_of(*parts, end=END):
    return BytesSource(b"".join(parts) + end, "layer.tar")


def convert(source, file, options=None, **how):
    """Convert, open and give both; the blob's source stays open as long as it."""
    written = write_layer(source, file, options, **how)
    toc = FileSource(written.toc_file) if written.toc_file else None
    return written, open_blob(FileSource(file), toc=toc, toc_digest=written.toc_digest)


def toc_of(blob):
    """TOC as parsed JSON entries."""
    return json.loads(read_toc_json(blob.toc.place))["entries"]


def without_places(toc_text):
    """TOC JSON as text, without what depends on the compressor."""
    return re.sub(r'\n\t\t\t"(offset|innerOffset)": [0-9]+,', "", toc_text)


def raw_tar(file):
    """All the blob's tar, TOC and landmark too, by the standard library."""
    return gzip.decompress(Path(file).read_bytes())


def members_of(data):
    """Names in a tar as the standard library reads it."""
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return tar.getnames()

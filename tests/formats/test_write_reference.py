"""Our converter against the reference one: same tar, same TOC but for places; the library accepts what we write."""

import gzip
import json
import subprocess
import tarfile
from pathlib import Path

import pytest

from sim.core.errors import BadBlob
from sim.core.source import FileSource
from sim.formats.estargz import WriteOptions, open_blob
from sim.formats.estargz.toc import read_toc_json
from tests.formats.samples import TARS, tar_path
from tests.formats.write_tools import (
    END,
    build_tool,
    convert,
    entry,
    folder,
    hard_link,
    header,
    patched,
    raw_tar,
    soft_link,
    without_places,
)

PAX, GNU, USTAR = tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT
LONG = "d" * 90 + "/" + "n" * 60
BIG_ID = {"uid": 3_000_000_000, "gid": 2_500_000}


def pax(name, data=b"x", main="plain", **records):
    """A file with PAX records of our choice; `main` is the name in the header itself."""
    body = b""
    for key, value in {"path": name, **records}.items():
        text = b" " + key.encode() + b"=" + (value if isinstance(value, bytes) else value.encode()) + b"\n"
        size = len(text) + 1
        while len(str(size)) + len(text) != size:
            size += 1
        body += str(size).encode() + text
    return entry("PaxHeaders.0/it", body, type=b"x") + entry(main, data)


def xattr(name, **attributes):
    return pax(name, **{f"SCHILY.xattr.{key}": value for key, value in attributes.items()})


OWNERS = [("a", 1, "ann"), ("b", 1, "ann"), ("c", 2, "ann"), ("d", 1, ""), ("e", 1, "bob"), ("f", 1, "ann")]

LAYERS = {
    "nothing": b"",
    "whole-owners": b"".join(entry(n, uid=i, gid=i, uname=u, gname=u and "g" + u) for n, i, u in OWNERS),
    "times": b"".join(entry(f"t{i}", b"1", mtime=t) for i, t in enumerate((0, 1, 1_600_000_000, 8_589_934_591))),
    "pax-times": b"".join(
        pax(f"t{i}", mtime=t, atime="7.25")
        for i, t in enumerate(("1.5", "0.4", "0.7", "-0.5", "-1", "-1.25", "2.4999999999", "99999999999", "1600000000"))
    ),
    "pax-ctime-only": pax("c", ctime="12") + pax("d", mtime="5.000", LIBARCHIVE_creationtime="3"),
    "gnu-before-1970": entry("old", b"1", tar_format=GNU, mtime=-86_400),
    "gnu-big-owner": entry("owned", b"1", tar_format=GNU, **BIG_ID),
    "pax-big-owner": entry("owned", b"1", tar_format=PAX, **BIG_ID),
    "gnu-atime": patched(entry("times", tar_format=GNU), 345, b"00000000017\0" + b"00000000023\0"),
    "gnu-broken-atime": patched(entry("name", tar_format=GNU), 345, b"prefix of an old Go"),
    "gnu-long": entry(LONG + "x" * 200, b"1", tar_format=GNU) + soft_link("s", "t" * 150, tar_format=GNU),
    "gnu-long-text": entry("й" * 120, b"1", tar_format=GNU),
    "ustar-prefix": entry(LONG, b"1") + folder(LONG + "dir/"),
    "ustar-cannot-split": entry("n" * 120, b"1", tar_format=PAX),
    "v7": patched(entry("file", b"1"), 257, bytes(8)) + patched(folder("dir/"), 156, b"\0" + bytes(100) + bytes(8)),
    "star": patched(entry("file", b"1"), 476, b"00000000017\0" + b"00000000023\0" + bytes(8) + b"tar\0"),
    "unterminated": patched(entry("file", b"1", mtime=1_600_000_000), 100, b"00000644"),
    "non-ascii-ustar": patched(entry("file", b"1"), 0, "é".encode()),
    "pax-non-ascii": entry("é/ö", b"1", tar_format=PAX, mtime=1.25) + pax("ü", main="ü", mtime="3.5"),
    "pax-useless-record": pax("same", main="same", uid="0", comment="kept", uname=""),
    "pax-long-of-ascii": pax("p/" * 70 + "end", main="short") + pax("/abs" * 40, main="short"),
    "pax-slashes": pax("a" * 99 + "/b/" + "c" * 120) + pax("a" * 98 + "//" + "c" * 120),
    "pax-link": soft_link("s", "/ü/" + "t" * 120, tar_format=PAX) + soft_link("empty", ""),
    "pax-size": pax("sized", b"12345", size="5"),
    "xattrs": xattr("x", note="hello", raw=b"\0\xff=\n", empty="", **{"ключ": "1", "a<b": "&"})
    + pax("n", **{"VENDOR.k": "v"}),
    "xattr-folder": folder("d/", tar_format=PAX, pax_headers={"SCHILY.xattr.user.k": "v", "SCHILY.xattr.a": "w"}),
    "modes": b"".join(entry(f"m{mode:o}", mode=mode) for mode in (0, 0o4755, 0o2755, 0o1777, 0o100644, 0o7777)),
    "negative-mode": patched(entry("m", b"1", tar_format=GNU), 100, b"\xff" * 7 + b"\xfe"),
    "kinds": header("c", kind=tarfile.CHRTYPE, devmajor=1, devminor=3)
    + header("b", kind=tarfile.BLKTYPE, devmajor=0, devminor=7)
    + header("z", kind=tarfile.CHRTYPE)
    + header("p", kind=tarfile.FIFOTYPE)
    + soft_link("s", "<&>"),
    "names": entry("./dot", b"1")
    + folder("./")
    + entry("/abs", b"2")
    + entry("a//b", b"3")
    + entry("x/../y", b"4")
    + entry('q<&>"\\\b\f\n\r\t\x01\x7f\u2028\u2029\ufffd', b"5", tar_format=PAX),
    "not-utf8": entry(b"raw\xff\xed\xa0\x80\xe2\x82x".decode("utf-8", "surrogateescape"), b"1", tar_format=GNU),
    "links": entry("f", b"data")
    + hard_link("g", "./f")
    + hard_link("h", "g")
    + hard_link("before", "later")
    + entry("later"),
    "twice": entry("f", b"one") + entry("g", b"two") + entry("./f", b"three") + folder("d") + folder("d/", mode=0o700),
    "whiteouts": entry("d/.wh.gone") + entry("d/.wh..wh..opq") + entry(".wh.top") + entry("top", b"1"),
    "markers": entry(".prefetch.landmark", b"\x0f")
    + entry("./.no.prefetch.landmark", b"\x0f")
    + entry("stargz.index.json", b"{}")
    + entry("sub/stargz.index.json", b"{}")
    + entry("sub/.prefetch.landmark", b"\x0f"),
    "sizes": b"".join(
        entry(f"s{n}", bytes(range(250)) * 9 * (n // 999) + b"y" * n) for n in (0, 1, 999, 1000, 1001, 2000)
    ),
    "chunk-edges": b"".join(entry(f"s{n}", b"y" * n) for n in (0, 1, 999, 1000, 1001, 1999, 2000, 3000)),
}
NOT_CONVERTED = {  # refused by both
    "global": entry("g", b"18 comment=global\n", type=b"g") + entry("f", b"1"),
    "contiguous": header("f", kind=b"7"),
    "gnu-sparse": header("f", kind=b"S", tar_format=GNU),
    "file-like-a-folder": entry("f/", b"1"),
    "cut": entry("f", bytes(4000))[:1500],
    "checksum": entry("f", b"1")[:140] + b"x" * 10 + entry("f", b"1")[150:],
    "one-zero-block": entry("f", b"1") + bytes(512) + entry("g", b"1"),
    "pax-without-equals": entry("x", b"11 no-equal\n", type=b"x") + entry("f"),
    "pax-bad-time": pax("f", mtime="noon"),
}


@pytest.fixture(scope="module")
def tool(tmp_path_factory):
    return build_tool(tmp_path_factory.mktemp("tool"))


def reference(tool, source, target, *options):
    done = subprocess.run(
        [tool, "convert", "-in", source, "-out", target, *options], capture_output=True, text=True, check=False
    )
    return json.loads(done.stdout) if done.returncode == 0 else None


def assert_same(ours, theirs, written, facts):
    """Same tar before the TOC, same TOC but for places."""
    with FileSource(ours) as our_source, FileSource(theirs) as their_source:
        mine, other = (read_toc_json(open_blob(source).toc.place).decode() for source in (our_source, their_source))
    assert without_places(mine) == without_places(other)
    assert written.raw_size_bytes == len(raw_tar(ours))
    before = [
        tar[: len(tar) - 1536 - -(-len(text) // 512) * 512]
        for tar, text in ((raw_tar(ours), mine), (raw_tar(theirs), other))
    ]
    assert before[0] == before[1]
    if len(mine) == len(other):
        assert written.raw_size_bytes == facts["uncompressed_size"]


@pytest.mark.parametrize("name", LAYERS)
def test_header_of_any_dialect_is_rewritten_as_the_reference_does(tool, name, tmp_path):
    layer = tmp_path / "layer.tar"
    layer.write_bytes(LAYERS[name] + END)
    facts = reference(tool, layer, tmp_path / "theirs", "-chunk-size", "1000")
    with FileSource(layer) as source:
        written, _ = convert(source, tmp_path / "ours", WriteOptions(chunk_size_bytes=1000))
    assert_same(tmp_path / "ours", tmp_path / "theirs", written, facts)


@pytest.mark.parametrize("name", NOT_CONVERTED)
def test_what_the_reference_refuses_is_refused(tool, name, tmp_path):
    layer = tmp_path / "layer.tar"
    layer.write_bytes(NOT_CONVERTED[name] + END)
    assert reference(tool, layer, tmp_path / "theirs") is None
    with FileSource(layer) as source, pytest.raises(BadBlob, match=r"layer\.tar"):
        convert(source, tmp_path / "ours")
    assert not (tmp_path / "ours").exists()


OPTIONS = {
    "plain": ((), WriteOptions()),
    "small-chunks": (("-chunk-size", "700"), WriteOptions(chunk_size_bytes=700)),
    "level-1": (("-level", "1"), WriteOptions(level=1)),
    "shared": (("-min-chunk-size", "2500"), WriteOptions(min_chunk_size_bytes=2500)),
    "shared-small": (
        ("-min-chunk-size", "1200", "-chunk-size", "700"),
        WriteOptions(min_chunk_size_bytes=1200, chunk_size_bytes=700),
    ),
}


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("name", [name for name in TARS if name != "names"])  # that one climbs out of the layer
def test_sample_layers_have_the_reference_toc(tool, name, options, tmp_path):
    flags, ours = OPTIONS[options]
    facts = reference(tool, tar_path(name), tmp_path / "theirs", *flags)
    with FileSource(tar_path(name)) as source:
        written, _ = convert(source, tmp_path / "ours", ours)
    assert_same(tmp_path / "ours", tmp_path / "theirs", written, facts)


LISTS = {
    "link-and-soft-link": (
        b"".join(
            (
                folder("./"),
                folder("p/"),
                folder("p/q/"),
                entry("p/q/z", b"1"),
                entry("w", b"2"),
                hard_link("link", "p/q/z"),
                soft_link("s", "w"),
            )
        ),
        ("link", "s"),
    ),
    "folder": (folder("d/") + entry("d/f", b"1"), ("d",)),
    "again-and-otherwise-spelt": (entry("f", b"1") + entry("g", b"2"), ("g", "./g", "/g", "../g", "g/")),
    "all-missing": (entry("f", b"1"), ("nowhere", "d/none")),
    "no-entry-for-the-folder": (entry("dev/c", b"1") + entry("f", b"2"), ("dev/c", "f")),
    "link-to-link": (entry("f", b"1") + hard_link("g", "f") + hard_link("h", "g") + entry("z", b"3"), ("h", "z")),
    "link-in-a-folder-of-its-own": (
        folder("b/") + hard_link("b/l", "a/f") + folder("a/") + entry("a/f", b"1") + entry("c", b"2"),
        ("b/l",),
    ),
    "landmark-itself": (entry(".prefetch.landmark", b"\x0f") + entry("f", b"1"), (".prefetch.landmark", "f")),
}


@pytest.mark.parametrize("name", LISTS)
def test_priorities_are_ordered_as_the_reference_does(tool, name, tmp_path):
    data, priorities = LISTS[name]
    layer, paths = tmp_path / "layer.tar", tmp_path / "list"
    layer.write_bytes(data + END)
    paths.write_text("\n".join(priorities))
    facts = reference(tool, layer, tmp_path / "theirs", "-prioritized", paths, "-allow-missing")
    with FileSource(layer) as source:
        written, _ = convert(source, tmp_path / "ours", WriteOptions(priorities=priorities, allow_missing=True))
    assert_same(tmp_path / "ours", tmp_path / "theirs", written, facts)
    assert list(written.missing) == facts["missing"]


KEPT = [
    WriteOptions(chunk_size_bytes=1000),
    WriteOptions(chunk_size_bytes=1000, min_chunk_size_bytes=3000),
    WriteOptions(chunk_size_bytes=1000, external_toc=True),
    WriteOptions(chunk_size_bytes=1000, compression="zstd", level=3),
    WriteOptions(chunk_size_bytes=1000, compression="zstd", level=19, min_chunk_size_bytes=3000),
    WriteOptions(
        chunk_size_bytes=1000,
        external_toc=True,
        min_chunk_size_bytes=100_000,
        priorities=("app/run",),
        allow_missing=True,
    ),
]


@pytest.mark.parametrize(
    "options",
    KEPT,
    ids=lambda options: "-".join(
        str(getattr(options, key)) for key in ("compression", "level", "min_chunk_size_bytes", "external_toc")
    ),
)
@pytest.mark.parametrize(
    "name", ["prefetch", "links", "kinds", "xattrs", "whiteouts", "duplicates", "raw-names", "empty"]
)
def test_the_reference_library_finds_every_file_of_the_layer(tool, name, options, tmp_path):
    """Opens, verifies the TOC and each chunk, and holds each entry and each byte against the source tar."""
    with FileSource(tar_path(name)) as source:
        written, _ = convert(source, tmp_path / "ours", options)
    command = [tool, "check", "-in", tmp_path / "ours", "-layer", tar_path(name)]
    command += ["-toc", written.toc_file] if written.toc_file else []
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["differences"] == []
    assert report["toc_digest"] == written.toc_digest
    with tarfile.open(tar_path(name)) as tar:
        assert report["entries"] == len({Path("/" + name).resolve() for name in tar.getnames()})


def test_raw_tar_without_padding_or_end_is_taken(tool, tmp_path):
    for end in (b"", bytes(512), bytes(5120)):
        layer = tmp_path / "layer.tar"
        layer.write_bytes(LAYERS["links"] + end)
        facts = reference(tool, layer, tmp_path / "theirs")
        with FileSource(layer) as source:
            written, _ = convert(source, tmp_path / "ours")
        assert_same(tmp_path / "ours", tmp_path / "theirs", written, facts)


def test_trailing_bytes_after_the_end_of_the_tar_are_dropped(tool, tmp_path):
    layer = tmp_path / "layer.tar.gz"
    layer.write_bytes(gzip.compress(LAYERS["links"] + END + b"garbage" * 100))
    facts = reference(tool, layer, tmp_path / "theirs")
    with FileSource(layer) as source:
        written, _ = convert(source, tmp_path / "ours")
    assert_same(tmp_path / "ours", tmp_path / "theirs", written, facts)


def real_layers():
    """The smallest layer of over 1 MB of each catalogue image that was pulled to this machine."""
    found = []
    for blobs in sorted((Path.home() / ".cache" / "lazypull" / "images").glob("*/oci/blobs/sha256")):
        large = sorted((path.stat().st_size, path) for path in blobs.iterdir() if path.stat().st_size > 1 << 20)
        found += [path for _, path in large[:1]]
    return sorted({path.name: path for path in found}.values())


def test_real_layers_have_the_reference_toc(tool, tmp_path):
    layers = real_layers()
    if not layers:
        pytest.skip(
            "no catalogue image is on this machine, so no REAL layer was compared; run `lazypull catalog build`"
        )
    for layer in layers[:2]:
        facts = reference(tool, layer, tmp_path / "theirs", "-level", "1")
        with FileSource(layer) as source:
            written, _ = convert(source, tmp_path / "ours", WriteOptions(level=1))
        assert_same(tmp_path / "ours", tmp_path / "theirs", written, facts)

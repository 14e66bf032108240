"""Ordinary layers: the dialects of tar that real writers use, and archives that are cut or hostile."""

import gzip
import io
import shutil
import struct
import subprocess
import tarfile
import tracemalloc

import pytest

from sim.core.errors import BadBlob
from sim.core.source import BytesSource
from sim.formats.tarlayer import read_tar_layer, tar_layers_layout, tar_layout
from tests.formats.samples import FACTS, TARS, tar_path
from tests.formats.tar_oracle import tar_content_id

NAME = "hand.tar"


def read(data):
    return read_tar_layer(BytesSource(data, NAME))


def refused(data, match):
    with pytest.raises(BadBlob, match=match) as caught:
        read(data)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(NAME + ": ")


def entry(name, data=b"", *, flag=b"0", link=b"", size=None, magic=b"ustar\x0000", prefix=b"", tail=b""):
    """One header and its payload, written field by field."""
    length = b"%011o\0" % len(data) if size is None else size
    fields = (name, b"0000644\0", b"0000000\0", b"0000000\0", length, b"00000000000\0", b" " * 8, flag, link)
    head = bytearray(struct.pack("100s8s8s8s12s12s8s1s100s", *fields) + magic.ljust(8, b"\0") + bytes(80))
    head += prefix.ljust(155, b"\0") + tail.rjust(12, b"\0")
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head) + data + bytes(-len(data) % 512)


def pax(**records):
    """An extended header; a record's length counts its own digits."""
    text = b""
    for key, value in records.items():
        body = b" " + key.encode() + b"=" + value + b"\n"
        length = len(body) + 1
        while len(b"%d" % length) + len(body) != length:
            length += 1
        text += b"%d" % length + body
    return entry(b"pax", text, flag=b"x")


END = bytes(1024)


@pytest.mark.parametrize("style", ["v7", "oldgnu", "gnu", "ustar", "posix"])
def test_what_gnu_tar_writes(style, tmp_path):
    if shutil.which("tar") is None:
        pytest.skip("no tar command here, so the dialects of GNU tar are NOT tested; install tar")
    files = tmp_path / "files"
    folder = files / ("sub" * 20 if style in {"v7", "ustar"} else "sub" * 50)
    folder.mkdir(parents=True)
    (folder / ("name" * 5 if style in {"v7", "ustar"} else "name" * 40)).write_bytes(b"x" * 700)
    (files / "empty").touch()
    (files / "again").hardlink_to(files / "empty")
    (files / "soft").symlink_to("sub")
    (files / "run").write_bytes(b"#!/bin/sh")
    (files / "run").chmod(0o6755)
    layer = tmp_path / "layer.tar.gz"
    command = ["tar", "--format", style, "--sort=name", "-czf", str(layer), "-C", str(files), "."]
    subprocess.run(command, check=True)
    tree, _ = tar_layout([layer])
    assert tree.files.num_rows == 6
    assert tree.content_id == tar_content_id(layer)


def test_a_prefix_is_part_of_the_name_only_in_ustar():
    data = (
        entry(b"a", prefix=b"posix")
        + entry(b"b", prefix=b"times of incremental backups", magic=b"ustar  \0")
        + entry(b"c", prefix=b"old", magic=b"")
        + entry(b"d", prefix=b"star".ljust(131, b"\0") + b"times", tail=b"tar\0")
    )
    assert read(data + END).files.paths == ["b", "c", "posix/a", "star/d"]


def test_numbers_in_base_256_and_with_blanks():
    data = entry(b"big", b"x" * 600, size=b"\x80" + (600).to_bytes(11, "big")) + entry(
        b"small", b"y", size=b"          1 "
    )
    assert read(data + END).files.sizes.tolist() == [600, 1]


def test_a_checksum_may_be_of_signed_bytes():
    """As some old writers computed it: each byte above 127 counts 256 less."""
    data = bytearray(entry("é".encode()))
    data[148:156] = b"%06o\0 " % (int(data[148:154], 8) - 2 * 256)
    assert read(bytes(data)).files.paths == ["é"]


def test_extended_headers_win_over_the_header_and_end_with_it():
    data = pax(path=b"long", size=b"3") + entry(b"short", b"abc", size=b"00000000000\0") + entry(b"next", b"z") + END
    layer = read(data)
    assert layer.files.paths == ["long", "next"]
    assert layer.files.sizes.tolist() == [3, 1]


def test_an_old_directory_is_a_file_whose_name_ends_in_a_slash():
    _, layout = tar_layers_layout([read(entry(b"d/", flag=b"\0", magic=b"") + END)])
    assert layout.entries.column("kind").to_pylist() == ["dir"]


def test_offsets_are_those_of_the_standard_library():
    path = tar_path("prefetch")
    _, layout = tar_layout([path])
    with tarfile.open(path) as tar:
        expected = {member.name: member.offset_data for member in tar if member.isreg()}
    names = layout.entries.column("path").to_pylist()
    rows = layout.extents.to_pylist()
    assert {names[row["entry"]]: row["unit_offset"] for row in rows} == expected


@pytest.mark.parametrize("name", TARS)
def test_raw_size_is_that_of_the_whole_tar(name):
    _, layout = tar_layout([tar_path(name)])
    assert layout.blobs.column("raw_size").to_pylist() == [len(gzip.decompress(tar_path(name).read_bytes()))]


def test_raw_size_of_a_blob_is_what_its_converter_says(tmp_path):
    from tests.formats.samples import blob_path

    _, layout = tar_layout([blob_path("prefetch")])
    assert layout.blobs.column("raw_size").to_pylist() == [FACTS["prefetch"]["uncompressed_size"]]


def test_an_empty_file_is_an_empty_layer():
    assert read(b"").files.paths == []


def test_no_end_blocks_and_bytes_after_them_are_accepted():
    whole = entry(b"a", b"1") + entry(b"b", b"2")
    assert read(whole).files.paths == read(whole + END + b"garbage" * 99).files.paths == ["a", "b"]


def test_several_gzip_members_and_zero_padding_are_one_layer():
    whole = entry(b"a", b"1" * 5000) + entry(b"b", b"2") + END
    data = b"".join(gzip.compress(whole[at : at + 700], mtime=0) for at in range(0, len(whole), 700))
    assert read(data + bytes(100_000)).files.sizes.tolist() == [5000, 1]
    refused(data + b"\0\0garbage after zeros", "gzip member at byte .* is damaged")


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (entry(b"a", b"x" * 600)[:900], "cut at byte 900, 212 bytes before a file ends"),
        (entry(b"a", b"x" * 600)[:1400], "cut at byte 1400, inside the padding"),
        (entry(b"a") + entry(b"b")[:100], "cut at byte 612, inside a header"),
        (entry(b"a") + b"\1" * 512, "byte 512 of the tar"),
        (entry(b"a") + b"b" + entry(b"a")[1:], "byte 512 of the tar: no tar header here"),
        (b"not a tar at all" * 64, "no tar header|octal"),
        (entry(b"a", size=b"0000000008\0\0"), "octal number"),
        (entry(b"a", size=b"\xff" * 12), "number of .* bits"),
        (entry(b"s", flag=b"S"), r"type b'S', which is not read"),
        (entry(b"v", flag=b"V"), r"type b'V', which is not read"),
        (pax(**{"GNU.sparse.major": b"1"}) + entry(b"s"), "sparse file"),
        (pax(size=b"-1") + entry(b"a"), "no size of a file"),
        (pax(size=b"9" * 19) + entry(b"a"), "no size of a file"),
        (pax(path=b"a\0b") + entry(b"x"), "NUL byte"),
        (entry(b"p", b"5 a=b", flag=b"x") + entry(b"a"), "PAX record at byte 0"),
        (entry(b"p", b"99 a=b\n", flag=b"x") + entry(b"a"), "PAX record at byte 0"),
        (entry(b"p", b"1 ", flag=b"x") + entry(b"a"), "PAX record at byte 0"),
        (entry(b"p", b"6 a-b\n", flag=b"x") + entry(b"a"), "PAX record at byte 0"),
        (entry(b"p", b"1" * 5000, flag=b"x") + entry(b"a"), "PAX record at byte 0"),
        (pax(path=b"a"), "ends after an extended header"),
        (entry(b"p", flag=b"x", size=b"77777777777\0"), "extended tar header of 8589934591 bytes"),
        (entry(b"p", flag=b"L", size=b"77777777777\0"), "extended tar header of 8589934591 bytes"),
        (entry(b"l", flag=b"1", link=b"nowhere"), "leads to 'nowhere'"),
        (b"\x28\xb5\x2f\xfd" + bytes(100), "zstd"),
        (gzip.compress(entry(b"a"), mtime=0)[:-3], "is cut"),
        (gzip.compress(entry(b"a"), mtime=0)[:-6] + bytes(6), "is damaged"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_bad_layers(data, match):
    refused(data, match)


def test_a_large_layer_takes_the_memory_of_its_names():
    raw = io.BytesIO()
    with gzip.open(raw, "wb", 1) as out:
        out.write(entry(b"zeros", size=b"%011o\0" % (64 << 20)))
        for _ in range(64):
            out.write(bytes(1 << 20))
    read(entry(b"warm"))
    tracemalloc.start()
    try:
        layer = read(raw.getvalue())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert layer.raw_size == 512 + (64 << 20)
    assert peak < 4 << 20

"""Layers made to mislead or to exhaust a reader: one clear error in bounded memory and time, or no harm.

What is true of every blob here: a byte changed anywhere is noticed, or the files that are read are the same.
"""

import gzip
import io
import tarfile

import pytest

from sim.core.errors import BadBlob, BadInput
from sim.core.source import BytesSource
from sim.formats import tarlayer
from sim.formats.estargz import layers_layout, open_blob, read_file, verify
from sim.formats.tarlayer import read_tar_layer, tar_layers_layout, tar_pieces
from tests.formats.bounds import peak_bytes, refused
from tests.formats.handmade import (
    HEAD,
    ZSTD_HEAD,
    blob,
    external_blob,
    file_entry,
    footer,
    legacy_footer,
    toc_member,
    zstd_blob,
    zstd_frame,
)
from tests.formats.samples import tar_path

pytestmark = pytest.mark.usefixtures("watchdog")

A, B = b"a" * 100, b"bc" * 70


def entries(start, second):
    return [
        {"name": "d/", "type": "dir", "mode": 493},
        file_entry("d/a", A, start),
        file_entry("b", B, second, mode=420),
        {"name": "again", "type": "hardlink", "linkName": "d/a"},
    ]


def packed(pack, head):
    """Payload of both files, and the entries of the TOC."""
    first, second = pack(A), pack(B)
    return first + second, entries(len(head), len(head) + len(first))


def gzipped(data):
    return gzip.compress(data, mtime=0)


def opened(data, toc, digest):
    """Content and bytes of every file, each checked; raises where something is wrong."""
    layer = open_blob(BytesSource(data), toc=None if toc is None else BytesSource(toc), toc_digest=digest)
    tree, layout = layers_layout([layer])
    verify(layer)
    files = {path: read_file(layer, path, 0, 1 << 20) for path in [*layer.files.regular, "again"]}
    return tree.content_id, layout.extents, files


def outcome(action, *arguments):
    """What an action gives, or None and what it says against its input."""
    try:
        return action(*arguments), ""
    except BadInput as error:
        return None, str(error)


def estargz():
    payload, toc = packed(gzipped, HEAD)
    return blob(toc, payload).data, None


def legacy():
    payload, toc = packed(gzipped, HEAD)
    data = blob(toc, payload).data[:-51]
    return data + legacy_footer(len(HEAD + payload)), None


def chunked():
    payload, toc = packed(zstd_frame, ZSTD_HEAD)
    return zstd_blob(toc, payload).data, None


def external():
    payload, toc = packed(gzipped, HEAD)
    layer, listing = external_blob(toc, payload)
    return layer.data, listing.data


@pytest.mark.parametrize("make", [estargz, legacy, chunked, external])
@pytest.mark.parametrize("flip", [0x01, 0x80, 0xFF])
def test_a_flipped_byte_anywhere_is_noticed_or_does_not_matter(make, flip):
    """Whoever mounts a layer knows the digest of its TOC, as here; the rest follows from the TOC."""
    data, toc = make()
    digest = open_blob(BytesSource(data), toc=toc and BytesSource(toc)).toc.digest
    good = opened(data, toc, digest)
    noticed = 0
    for at in range(len(data) + len(toc or b"")):
        both = bytearray(data + (toc or b""))
        both[at] ^= flip
        changed, listing = bytes(both[: len(data)]), toc and bytes(both[len(data) :])
        found, problem = outcome(opened, changed, listing, digest)
        assert "\n" not in problem
        if found is None:
            noticed += 1
            continue
        assert found[0] == good[0], at
        assert found[1].equals(good[1]), at
        assert found[2] == good[2], at
    assert noticed > 300


@pytest.mark.parametrize("pack", [gzipped, zstd_frame])
def test_a_flipped_byte_of_an_ordinary_layer_is_noticed_or_does_not_matter(pack):
    raw = gzip.decompress(tar_path("whiteouts").read_bytes()).rstrip(b"\0")
    data = pack(raw + bytes(-len(raw) % 512))
    good, _ = tar_layers_layout([read_tar_layer(BytesSource(data))])
    noticed = 0
    for at in range(len(data)):
        changed = bytearray(data)
        changed[at] ^= 0xFF
        found, problem = outcome(read_tar_layer, BytesSource(bytes(changed)))
        assert "\n" not in problem
        if found is None:
            noticed += 1
            continue
        tree, _ = tar_layers_layout([found])
        assert tree.content_id == good.content_id, at
    assert noticed > len(data) * 0.9


def test_a_blob_cut_anywhere_is_refused():
    for make in (estargz, chunked, external):
        data, toc = make()
        for size in range(len(data)):
            with pytest.raises(BadBlob):
                opened(data[:size], toc, None)


def test_ten_million_entries_are_counted_not_built():
    """150 MB of the shortest entries there are, from 660 kB."""
    text = b'{"entries":[' + b'{"type":"dir"},' * 9_999_999 + b'{"type":"dir"}]}'
    source = BytesSource(HEAD + gzip_of_toc(text) + footer(len(HEAD)))
    peak = peak_bytes(lambda: refused(source, "more than 2000000 entries"))
    assert peak < len(text) + (4 << 20)  # the JSON itself, which `max_toc_bytes` bounds


def gzip_of_toc(text):
    raw = gzip.decompress(toc_member(b"{}"))
    header = bytearray(raw[:512])
    header[124:136] = b"%011o\0" % len(text)
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return gzip.compress(bytes(header) + text + bytes(-len(text) % 512), 1, mtime=0)


def test_a_toc_that_claims_more_than_deflate_can_hold_is_refused_at_once():
    header = bytearray(gzip.decompress(toc_member(b"{}"))[:512])
    header[124:136] = b"%011o\0" % (200 << 20)
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    source = BytesSource(HEAD + gzip.compress(bytes(header), mtime=0) + footer(len(HEAD)))
    assert peak_bytes(lambda: refused(source, "cannot come from")) < 1 << 20


@pytest.mark.parametrize("pack", [gzipped, zstd_frame])
def test_too_many_entries_of_a_tar_are_refused(pack):
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as tar:
        for number in range(1001):
            tar.addfile(tarfile.TarInfo(str(number)))
    source = BytesSource(pack(raw.getvalue()))
    assert len(read_tar_layer(source, max_entries=1001).files.paths) == 1001
    with pytest.raises(BadBlob, match="more than 1000 files; split it"):
        read_tar_layer(source, max_entries=1000)


@pytest.mark.parametrize("pack", [gzipped, zstd_frame])
def test_a_layer_that_decodes_without_end_is_refused(pack, monkeypatch):
    source = BytesSource(pack(bytes(16 << 20)))
    assert sum(map(len, tar_pieces(source))) == 16 << 20
    monkeypatch.setattr(tarlayer, "FREE_RAW_BYTES", 1 << 20)

    def read():
        with pytest.raises(BadBlob, match=f"more than {(1 << 20) + 100 * source.size}; it looks like a bomb"):
            sum(map(len, tar_pieces(source)))

    assert peak_bytes(read) < 4 << 20


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "a/../../etc/passwd", "./etc//passwd"])
def test_names_that_climb_stay_inside_the_layer(name):
    listed = [file_entry(name, A, len(HEAD)), {"name": "link", "type": "hardlink", "linkName": name}]
    layer = open_blob(blob(listed, gzipped(A)))
    tree, _ = layers_layout([layer])
    assert tree.files.column("path").to_pylist() == ["etc/passwd", "link"]
    assert read_file(layer, name, 0, 200) == read_file(layer, "link", 0, 200) == A


def test_files_below_files_and_links_to_them_are_hidden_or_refused():
    below = [file_entry("f", A, len(HEAD)), {"name": "f/g", "type": "reg", "digest": file_entry("", b"", 0)["digest"]}]
    tree, _ = layers_layout([open_blob(blob(below, gzipped(A)))])
    assert tree.files.column("path").to_pylist() == ["f"]
    refused(blob([*below, {"name": "l", "type": "hardlink", "linkName": "f/g"}], gzipped(A)), "leads to 'f/g'")


def test_many_deep_names_and_links_to_them_take_time_as_their_length():
    """Each of 400 links names a path of its own, 5,000 folders deep: walking up from each would take 10^10 steps."""
    listed = []
    for number in range(400):
        deep = f"{number}/" + "/".join(["d"] * 5000)
        listed += [
            {"name": f"{deep}/f", "type": "fifo"},
            {"name": f"l{number}", "type": "hardlink", "linkName": f"{deep}/f"},
        ]
    layer = open_blob(blob(listed))
    tree, _ = layers_layout([layer])
    assert tree.files.num_rows == 800


def test_a_file_of_a_hundred_thousand_chunks_is_read_where_asked():
    """The chunk is found by halving, and only its unit is read."""
    member, count = gzipped(b"x"), 100_000
    digest, size = file_entry("", b"x", 0)["digest"], len(member)
    whole = {"name": "f", "type": "reg", "size": count, "digest": "sha256:" + "0" * 64, "chunkSize": 1}
    first = whole | {"offset": len(HEAD), "chunkDigest": digest}
    chunk = {"name": "f", "type": "chunk", "chunkSize": 1, "chunkDigest": digest}
    rest = [chunk | {"offset": len(HEAD) + at * size, "chunkOffset": at} for at in range(1, count)]
    layer = open_blob(blob([first, *rest], member * count))
    assert len(layer.chunks.owner) == count
    assert read_file(layer, "f", count - 1, 1) == b"x"
    assert read_file(layer, "f", 49_999, 3) == b"xxx"
    assert read_file(layer, "f", count, 1) == b""


def test_digests_of_files_do_where_chunks_have_none():
    """Row 40: old writers gave a file in one piece its own digest only."""
    payload, toc = packed(gzipped, HEAD)
    listed = [{key: value for key, value in entry.items() if key != "chunkDigest"} for entry in toc]
    layer = open_blob(blob(listed, payload))
    assert verify(layer).chunks == 2
    assert read_file(layer, "d/a", 0, 5) == A[:5]


def test_a_toc_blob_where_none_belongs_is_bad_input():
    payload, toc = packed(gzipped, HEAD)
    with pytest.raises(BadInput, match="has its TOC inside"):
        open_blob(blob(toc, payload), toc=BytesSource(toc_member(b"{}")))


def test_the_wrong_toc_blob_is_refused():
    """TOC of another layer: by its digest, or by what it says of places."""
    data, toc = external()
    other = external_blob(entries(len(HEAD), len(HEAD) + 5000))[1].data
    digest = open_blob(BytesSource(data), toc=BytesSource(toc)).toc.digest
    refused(BytesSource(data), "expected sha256", toc=BytesSource(other), toc_digest=digest)
    refused(BytesSource(data), "outside the payload", toc=BytesSource(other))
    refused(BytesSource(data), "keeps its TOC in another image")
    for damaged in (b"", toc[:40], b"\0" * 300):
        refused(BytesSource(data), "gzip member at byte 0", toc=BytesSource(damaged))

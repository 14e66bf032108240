"""Our reader against the reference library: entries, places, digests and bytes of every file."""

import hashlib
import shutil
import sys
from itertools import pairwise

import pytest

from sim.core.errors import BadBlob, BadInput
from sim.core.source import FileSource
from sim.core.tree import FILE_KINDS
from sim.formats.estargz import layers_layout, open_blob, read_file, verify
from sim.formats.files import WHITEOUT
from tests.formats.handmade import sha
from tests.formats.samples import DATA, FACTS, NAMES, blob_path, open_sample, reference_dump, tar_path

LANDMARKS = {".prefetch.landmark", ".no.prefetch.landmark"}


@pytest.fixture(params=NAMES)
def name(request):
    return request.param


@pytest.fixture
def blob(name):
    with FileSource(blob_path(name)) as source:
        yield open_sample(source)


def regular(entries):
    return [entry for entry in entries if entry["type"] == "reg"]


def test_footer_and_toc_digest_are_the_reference_ones(blob, name):
    head, _ = reference_dump(name)
    assert blob.source.size == head["size"]
    assert (blob.footer.toc_offset or -1) == head["toc_offset"]  # −1: the TOC is elsewhere
    assert blob.footer.size == head["footer_size"]
    assert blob.toc.digest == head["toc_digest"] == FACTS[name].get("toc_digest", head["toc_digest"])
    kinds = {"legacy": "legacy", "zstd": "zstd-chunked", "external": "external"}
    assert blob.footer.kind == kinds.get(name.split("-")[0], "estargz")


def test_zstd_chunked_is_where_its_annotation_says():
    """Position as its writer gives it: offset, compressed size, raw size, type of manifest."""
    for name in ("zstd-sizes", "zstd-shared"):
        with FileSource(blob_path(name)) as source:
            opened = open_blob(source)
            place = opened.toc.place
            packed = source.read_at(place.offset, place.size)
        said = FACTS[name]["annotations"]
        position = f"{place.offset}:{place.size}:{opened.toc.raw_size}:1"
        assert said["io.containers.zstd-chunked.manifest-position"] == position
        assert said["io.containers.zstd-chunked.manifest-checksum"] == sha(packed)


def test_a_toc_of_another_digest_is_refused(name):
    head, _ = reference_dump(name)
    with FileSource(blob_path(name)) as source:
        open_sample(source, toc_digest=head["toc_digest"])
        with pytest.raises(BadBlob, match="expected sha256:00"):
            open_sample(source, toc_digest="sha256:" + "00" * 32)


def test_each_path_is_what_the_reference_reader_sees(blob, name):
    """A hard link shows as the file it names; directories without an entry are made up by the reference reader."""
    _, entries = reference_dump(name)
    seen = {entry["path"]: entry for entry in entries if ".wh." not in entry["path"]}
    files = blob.files
    rows = [row for row, kind in enumerate(files.kinds.tolist()) if kind < WHITEOUT]
    row_of = {files.paths[row]: row for row in rows}
    assert len(row_of) == len(rows) > 0
    assert all(path in seen or path.startswith("file/") for path in row_of)  # "file" is no directory in "names"
    for path in row_of.keys() & seen.keys():
        target = seen[path]
        assert target["name"] == files.hardlinks.get(path, path)
        own = row_of[target["name"]]
        assert target["type"] == FILE_KINDS[files.kinds[own]]
        assert target["size"] == files.sizes[own]
        assert target["mode"] & 0o7777 == files.modes[own]
        assert target["link"] == (files.links[own] or "")
    made_up = [entry for path, entry in seen.items() if path not in row_of]
    assert all(entry["type"] == "dir" for entry in made_up)


def test_chunks_lie_where_the_reference_reader_finds_them(blob, name):
    """Its last chunk reaches to the end of the blob, ours to the TOC."""
    _, entries = reference_dump(name)
    head = blob.footer.payload_end
    expected = {
        (
            entry["path"],
            chunk["file_offset"],
            chunk["size"],
            chunk["offset"],
            chunk["inner_offset"],
            min(chunk["next_offset"], head) - chunk["offset"],
        )
        for entry in regular(entries)
        if entry["path"] == entry["name"] and ".wh." not in entry["path"]
        for chunk in entry["chunks"]
    }
    _, layout = layers_layout([blob])
    units, paths = layout.units.to_pylist(), layout.entries.column("path").to_pylist()
    found = set()
    for row in layout.extents.to_pylist():
        unit = units[row["unit"]]
        path = paths[row["entry"]]
        place = (row["file_offset"], row["length"], unit["offset"], row["unit_offset"], unit["size"])
        found.add((path, *place))
    assert {place for place in found if not place[0].startswith("file/")} == expected


def test_unit_digests_are_the_chunk_digests_of_the_reference_reader(blob, name):
    _, entries = reference_dump(name)
    chunks = {}
    for entry in regular(entries):
        if entry["path"] == entry["name"]:
            for chunk in entry["chunks"]:
                chunks.setdefault(chunk["offset"], []).append(chunk["digest"])
    _, layout = layers_layout([blob])
    for unit in layout.units.to_pylist():
        inside = chunks.get(unit["offset"], [])
        if unit["digest"] is not None and inside:
            assert [f"sha256:{unit['digest'].hex()}"] == inside
        else:
            assert len(inside) != 1 or "file/" in str(blob.files.paths)


def test_files_read_as_the_reference_reader_reads_them(blob, name):
    _, entries = reference_dump(name)
    for entry in regular(entries):
        if ".wh." not in entry["path"]:
            data = read_file(blob, entry["path"], 0, entry["size"] + 10)
            assert f"sha256:{hashlib.sha256(data).hexdigest()}" == entry["read_digest"] == entry["digest"]


def test_the_whole_blob_verifies(blob, name):
    _, entries = reference_dump(name)
    checked = verify(blob)
    own = [entry for entry in regular(entries) if entry["path"] == entry["name"]]
    assert checked.chunks >= sum(len(entry["chunks"]) for entry in own)
    assert checked.raw_bytes >= sum(entry["size"] for entry in own)


@pytest.mark.parametrize(
    ("name", "landmark"),
    [("sizes", "no_prefetch"), ("prefetch", "prefetch"), ("shared-prefetch", "prefetch"), ("legacy", "absent")],
)
def test_the_landmark_says_what_is_worth_prefetching(name, landmark):
    _, entries = reference_dump(name)
    with FileSource(blob_path(name)) as source:
        blob = open_blob(source)
        _, layout = layers_layout([blob])
    assert blob.landmark == landmark
    offsets = [entry["chunks"][0]["offset"] for entry in entries if entry["path"] in LANDMARKS]
    assert [blob.landmark_offset] == (offsets or [None])
    assert layout.blobs.column("landmark").to_pylist() == [landmark]
    assert layout.blobs.column("landmark_offset").to_pylist() == [blob.landmark_offset]


def test_prioritized_files_lie_before_the_landmark_a_link_after_its_target():
    with FileSource(blob_path("prefetch")) as source:
        _, layout = layers_layout([open_blob(source)])
    units, paths = layout.units.to_pylist(), layout.entries.column("path").to_pylist()
    (end,) = layout.blobs.column("landmark_offset").to_pylist()
    before = {paths[row["entry"]] for row in layout.extents.to_pylist() if units[row["unit"]]["offset"] < end}
    assert before == {"app/lib/03.so", "app/data/text", "app/lib/07.so", "app/lib/01.so"}  # the list, app/run → 03.so


@pytest.mark.parametrize("size", [0, 1, 999, 1000, 1001, 2000, 5017])
def test_chunk_counts_around_the_chunk_size(size):
    """ceil(size / 1000) chunks, and reads at every edge."""
    with FileSource(blob_path("sizes")) as source:
        blob = open_blob(source)
        path = f"s/{size}"
        _, layout = layers_layout([blob])
        entry = layout.entries.column("path").to_pylist().index(path)
        assert layout.extents.column("entry").to_pylist().count(entry) == -(-size // 1000)
        whole = read_file(blob, path, 0, size)
        edges = sorted({0, 1, 998, 999, 1000, 1001, size - 1, size, size + 1} - {-1})
        for begin, end in pairwise(edges):
            assert read_file(blob, path, begin, end - begin) == whole[begin:end]
        assert read_file(blob, path, 999, 3) == whole[999:1002]
        assert read_file(blob, path, size, 1) == read_file(blob, path, size + 5000, 1) == b""
        with pytest.raises(BadInput, match="0 or more"):
            read_file(blob, path, -1, 1)


def test_reading_what_is_no_file_is_bad_input():
    with FileSource(blob_path("links")) as source:
        blob = open_blob(source)
        for path in ("bin", "bin/soft", "nowhere"):
            with pytest.raises(BadInput, match="no regular file"):
                read_file(blob, path, 0, 1)
        assert read_file(blob, "/bin/again", 0, 5) == read_file(blob, "bin/tool", 0, 5)


def test_raw_size_is_what_the_caller_knows():
    with FileSource(blob_path("sizes")) as source:
        blob = open_blob(source)
        _, unknown = layers_layout([blob])
        _, known = layers_layout([blob], raw_sizes=[FACTS["sizes"]["uncompressed_size"]], digests=["sha256:ab"])
        assert unknown.blobs.column("raw_size").to_pylist() == [None]
        assert known.blobs.column("raw_size").to_pylist() == [FACTS["sizes"]["uncompressed_size"]]
        assert known.blobs.column("digest").to_pylist() == ["sha256:ab"]
        with pytest.raises(BadInput, match="1 layers, but 2"):
            layers_layout([blob], raw_sizes=[1, 2])


def test_the_reference_converter_still_makes_this_blob(tmp_path, monkeypatch):
    """Same tar, same options: same TOC but for offsets, which depend on Go's version of deflate."""
    if shutil.which("go") is None:
        pytest.skip("Go is not installed, so the reference blobs were NOT rebuilt; install Go 1.25 to check them")
    monkeypatch.syspath_prepend(str(DATA))
    import make
    from samples import SAMPLES

    tool = make.build_tool(tmp_path)
    target = tmp_path / "new.esgz"
    make.convert_to(tool, tar_path("prefetch"), target, SAMPLES["prefetch"], tmp_path)
    for module in ("make", "samples"):
        sys.modules.pop(module)
    with FileSource(target) as new, FileSource(blob_path("prefetch")) as old:
        rows = [
            [(e.type, e.name, e.size, e.digest, e.chunk_offset, e.chunk_size, e.chunk_digest) for e in blob.entries]
            for blob in (open_blob(new), open_blob(old))
        ]
    assert rows[0] == rows[1]

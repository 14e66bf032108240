"""What a conversion does to a layer; expected values by hand from the specification (docs/estargz.md)."""

import dataclasses
import gzip
import hashlib
import signal
import tarfile

import pytest
import zstandard

from sim.core.errors import BadInput, RunFailed
from sim.core.source import BytesSource, FileSource
from sim.formats.estargz import WriteOptions, open_blob, read_file, verify, write_layer
from sim.formats.estargz.toc import read_toc_json
from tests.formats.handmade import sha
from tests.formats.write_tools import (
    END,
    convert,
    entry,
    folder,
    hard_link,
    header,
    members_of,
    raw_tar,
    soft_link,
    source_of,
    toc_of,
)

LANDMARK_DIGEST = "sha256:dc0e9c3658a1a3ed1ec94274d8b19925c93e1abb7ddba294923ad9bde30f8cb8"  # docs/estargz.md
TEXT = b"pulled lazily, read eagerly; " * 500


def noise(size, seed="noise"):
    return b"".join(hashlib.sha256(f"{seed}{i}".encode()).digest() for i in range(size // 32 + 1))[:size]


APP = source_of(
    folder("app/"),
    entry("app/a", noise(5000)),
    entry("app/text", TEXT),
    entry("app/empty"),
    hard_link("app/link", "app/text"),
    soft_link("app/soft", "text"),
    entry("app/last", noise(300)),
)
EVERY_SORT = [
    WriteOptions(chunk_size_bytes=2000),
    WriteOptions(chunk_size_bytes=2000, min_chunk_size_bytes=3000),
    WriteOptions(chunk_size_bytes=2000, external_toc=True, priorities=("app/text",)),
    WriteOptions(chunk_size_bytes=2000, compression="zstd", level=3),
    WriteOptions(chunk_size_bytes=2000, compression="zstd", level=19, min_chunk_size_bytes=1000),
]


def test_an_empty_layer_has_a_landmark_and_a_toc(tmp_path):
    """A header and a byte, the TOC in two blocks of its own, two end blocks: 6 blocks of 512 bytes."""
    for data in (b"", END, b"\0" * 512):
        written, blob = convert(BytesSource(data, "empty"), tmp_path / "blob")
        assert written.raw_size_bytes == 3072
        assert blob.landmark == "no_prefetch"
        (only,) = toc_of(blob)
        assert only == {
            "name": ".no.prefetch.landmark",
            "type": "reg",
            "size": 1,
            "offset": only["offset"],
            "digest": LANDMARK_DIGEST,
            "chunkDigest": LANDMARK_DIGEST,
        }


@pytest.mark.parametrize("options", EVERY_SORT)
def test_what_is_said_of_a_blob_is_so(options, tmp_path):
    written, blob = convert(APP, tmp_path / "blob", options)
    data = (tmp_path / "blob").read_bytes()
    assert (written.digest, written.size_bytes) == (sha(data), len(data))
    raw = gzip.decompress(data) if options.compression == "gzip" else unzstd(data)
    assert (written.diff_id, written.raw_size_bytes) == (sha(raw), len(raw))
    assert written.toc_digest == sha(read_toc_json(blob.toc.place))
    assert written.annotations["containerd.io/snapshot/stargz/toc.digest"] == written.toc_digest
    assert written.annotations["io.containers.estargz.uncompressed-size"] == str(len(raw))
    assert written.media_type == f"application/vnd.oci.image.layer.v1.tar+{options.compression}"
    assert verify(blob).files == 5  # four of the layer and the landmark
    assert read_file(blob, "app/link", 0, 1 << 20) == TEXT
    inside = options.compression == "gzip" and not options.external_toc
    assert ("stargz.index.json" in members_of(raw)) == inside


def unzstd(data):
    with zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True) as stream:
        return stream.read()


def test_zstd_chunked_says_where_its_toc_is(tmp_path):
    """The last 40 bytes: offset, packed size, raw size, type, magic; the same in an annotation."""
    written, blob = convert(APP, tmp_path / "blob", WriteOptions(compression="zstd", level=3))
    data = (tmp_path / "blob").read_bytes()
    numbers = [int.from_bytes(data[-40 + 8 * i : -32 + 8 * i], "little") for i in range(4)]
    offset, packed, raw, kind = numbers
    assert (data[-8:], kind) == (b"GnUlInUx", 1)
    toc = data[offset : offset + packed]
    assert zstandard.decompress(toc) == read_toc_json(blob.toc.place)
    assert raw == len(read_toc_json(blob.toc.place))
    assert data[offset - 8 : offset] == b"\x50\x2a\x4d\x18" + packed.to_bytes(4, "little")
    assert written.annotations["io.containers.zstd-chunked.manifest-position"] == ":".join(map(str, numbers))
    assert written.annotations["io.containers.zstd-chunked.manifest-checksum"] == sha(toc)
    assert unzstd(data)[-1024:] != END  # the tar has no end blocks


def test_an_external_toc_is_a_layer_of_one_file(tmp_path):
    written, blob = convert(APP, tmp_path / "blob", WriteOptions(external_toc=True))
    assert written.toc_file == tmp_path / "blob.toc"
    with tarfile.open(written.toc_file) as tar:
        assert tar.getnames() == ["stargz.index.json"]
        assert tar.extractfile("stargz.index.json").read() == read_toc_json(blob.toc.place)
    assert (tmp_path / "blob").read_bytes()[-46:].startswith(b"\x1f\x8b\x08\x04")
    assert raw_tar(tmp_path / "blob")[-1024:] != END


@pytest.mark.parametrize("options", EVERY_SORT)
def test_the_bytes_do_not_depend_on_the_number_of_threads(options, tmp_path):
    for workers in (1, 2, 7):
        write_layer(APP, tmp_path / str(workers), options, workers=workers)
    blobs = {(tmp_path / str(workers)).read_bytes() for workers in (1, 2, 7)}
    assert len(blobs) == 1


@pytest.mark.parametrize("options", EVERY_SORT)
@pytest.mark.parametrize("first", EVERY_SORT)
def test_converting_again_gives_what_converting_once_gives(first, options, tmp_path):
    """Landmark and TOC of the first conversion leave no trace; the order of the files is what it left."""
    write_layer(APP, tmp_path / "first", first)
    ordered = sorted_like(APP, first.priorities, tmp_path)
    with FileSource(tmp_path / "first") as source:
        write_layer(source, tmp_path / "second", options)
    write_layer(ordered, tmp_path / "direct", options)
    assert (tmp_path / "second").read_bytes() == (tmp_path / "direct").read_bytes()


def sorted_like(source, priorities, tmp_path):
    if priorities is None:
        return source
    assert priorities == ("app/text",)
    return source_of(
        folder("app/"), entry("app/text", TEXT), entry("app/a", noise(5000)), entry("app/empty"),
        hard_link("app/link", "app/text"), soft_link("app/soft", "text"), entry("app/last", noise(300)),
    )  # fmt: skip


def test_any_compression_of_the_source_gives_the_same_blob(tmp_path):
    for name, data in {
        "tar": APP.data,
        "gzip": gzip.compress(APP.data),
        "members": gzip.compress(APP.data[:3000]) + gzip.compress(APP.data[3000:]),
        "zstd": zstandard.compress(APP.data),
    }.items():
        write_layer(BytesSource(data, name), tmp_path / name)
    assert len({(tmp_path / name).read_bytes() for name in ("tar", "gzip", "members", "zstd")}) == 1


def test_landmark_is_swapped_as_asked(tmp_path):
    write_layer(APP, tmp_path / "with", WriteOptions(priorities=("app/last",)))
    with FileSource(tmp_path / "with") as source:
        assert open_blob(source).landmark == "prefetch"
        _, without = convert(source, tmp_path / "without")
        _, other = convert(source, tmp_path / "other", WriteOptions(priorities=("app/a",)))
    assert [e["name"] for e in toc_of(without)][:3] == [".no.prefetch.landmark", "app/", "app/last"]
    assert [e["name"] for e in toc_of(other)][:4] == ["app/", "app/a", ".prefetch.landmark", "app/last"]


def test_link_brings_its_target_a_soft_link_and_a_folder_only_themselves(tmp_path):
    for path, before in {
        "app/link": ["app/", "app/text", "app/link"],
        "app/soft": ["app/", "app/soft"],
        "app": ["app/"],
        "../app/./empty": ["app/", "app/empty"],
    }.items():
        _, blob = convert(APP, tmp_path / "blob", WriteOptions(priorities=(path,)))
        names = [entry["name"] for entry in toc_of(blob)]
        assert names[: names.index(".prefetch.landmark")] == before


def test_a_missing_priority_is_an_error_unless_allowed(tmp_path):
    options = {"priorities": ("app/gone", "app/a", "other/gone")}
    with pytest.raises(BadInput, match=r"layer\.tar: prioritised 'app/gone' needs 'app/gone'"):
        write_layer(APP, tmp_path / "blob", WriteOptions(**options))
    assert list(tmp_path.iterdir()) == []
    written = write_layer(APP, tmp_path / "blob", WriteOptions(**options, allow_missing=True))
    assert written.missing == ("app/gone", "other/gone")


def test_priority_below_a_folder_without_entry_is_missing(tmp_path):
    layer = source_of(entry("dev/c", b"1"))
    with pytest.raises(BadInput, match=r"'dev/c' needs 'dev', which has no entry"):
        write_layer(layer, tmp_path / "blob", WriteOptions(priorities=("dev/c",)))


@pytest.mark.parametrize("size", [0, 1, 999, 1000, 1001, 2000])
def test_chunks_around_the_chunk_size(size, tmp_path):
    """ceil(size / 1000) of them; the TOC gives the size of full ones only."""
    data = noise(size)
    _, blob = convert(source_of(entry("f", data)), tmp_path / "blob", WriteOptions(chunk_size_bytes=1000))
    found = [entry for entry in toc_of(blob) if entry["name"] == "f"]
    assert len(found) == max(1, -(-size // 1000))
    assert [entry.get("chunkSize") for entry in found] == [
        1000 if start + 1000 <= size else None for start in range(0, max(size, 1), 1000)
    ]
    assert found[0]["digest"] == sha(data)
    assert [e.get("chunkDigest") for e in found] == (
        [sha(data[i : i + 1000]) for i in range(0, size, 1000)] if size else [None]
    )
    assert read_file(blob, "f", 0, size + 1) == data


def test_each_chunk_begins_a_member_and_the_last_is_followed_by_headers(tmp_path):
    _, blob = convert(APP, tmp_path / "blob", WriteOptions(chunk_size_bytes=2000))
    data = (tmp_path / "blob").read_bytes()
    ends = [*blob.chunks.unit_offset[1:].tolist(), blob.footer.payload_end]
    for start, end in zip(blob.chunks.unit_offset.tolist(), ends, strict=True):
        assert data[start : start + 10] == b"\x1f\x8b\x08" + bytes(5) + b"\x02\xff"  # level 9, no name, no time
        gzip.decompress(data[start:end])
    assert (blob.chunks.inner_offset == 0).all()


def test_units_have_the_least_size_but_for_the_landmark(tmp_path):
    """The last and the one before a landmark may be small; others are long even of files that save nothing together."""
    layer = source_of(*(entry(f"f{i:03}", noise(200, str(i))) for i in range(200)))
    options = WriteOptions(min_chunk_size_bytes=3000, priorities=tuple(f"f{i:03}" for i in range(30)))
    _, blob = convert(layer, tmp_path / "blob", options)
    sizes = dict(zip(blob.chunks.unit_offset.tolist(), blob.chunks.unit_size.tolist(), strict=True))
    starts = sorted(sizes)
    before_landmark = starts[starts.index(blob.landmark_offset) - 1]
    assert all(size >= 3000 for start, size in sizes.items() if start not in {before_landmark, starts[-1]})
    assert max(sizes.values()) < 2 * 3000 * 9 / 8 + 300  # half of each was taken for what it saves; one file more
    assert len(starts) > 5
    assert verify(blob).files == 201


def test_names_of_owners_are_given_once(tmp_path):
    layer = source_of(*(entry(f"f{i}", uid=1, uname=name) for i, name in enumerate(("ann", "ann", "", "bob", "ann"))))
    _, blob = convert(layer, tmp_path / "blob")
    assert [e.get("userName") for e in toc_of(blob)[1:]] == ["ann", None, None, "bob", "ann"]


def test_devices_and_modes_are_kept(tmp_path):
    layer = source_of(
        header("null", kind=tarfile.CHRTYPE, devmajor=1, devminor=3, mode=0o666),
        header("zero", kind=tarfile.BLKTYPE, mode=0o4755),
        header("pipe", kind=tarfile.FIFOTYPE, mode=0o1777),
    )
    _, blob = convert(layer, tmp_path / "blob")
    null, zero, pipe = toc_of(blob)[1:]
    assert (null["type"], null["devMajor"], null["devMinor"], null["mode"]) == ("char", 1, 3, 0o666)
    assert (zero["type"], zero["mode"], zero.keys() & {"devMajor", "devMinor"}) == ("block", 0o4755, set())
    assert (pipe["type"], pipe["mode"]) == ("fifo", 0o1777)


def test_the_last_of_a_name_wins_where_it_stands(tmp_path):
    layer = source_of(entry("f", b"old"), entry("g", b"g"), entry("./f", b"new"))
    _, blob = convert(layer, tmp_path / "blob")
    assert [e["name"] for e in toc_of(blob)] == [".no.prefetch.landmark", "g", "./f"]
    assert read_file(blob, "f", 0, 9) == b"new"


def test_a_large_unit_goes_piece_by_piece_and_reads_the_same(tmp_path):
    """Longer than what is packed in memory whole; and more headers in a row than are gathered."""
    big = bytes(9 << 20) + noise(1 << 20)
    layer = source_of(entry("big", big), *(soft_link(f"s{i:05}", "big") for i in range(5000)), entry("end", b"1"))
    for options in (
        WriteOptions(compression="zstd", level=1, chunk_size_bytes=16 << 20),
        WriteOptions(level=1, chunk_size_bytes=1 << 20),
    ):
        written, blob = convert(layer, tmp_path / "blob", options)
        assert verify(blob).raw_bytes == len(big) + 2
        assert len(toc_of(blob)) == 5003 + (9 if options.compression == "gzip" else 0)
        write_layer(layer, tmp_path / "other", options, workers=5)
        assert sha((tmp_path / "other").read_bytes()) == written.digest


@pytest.mark.parametrize(
    "wrong",
    [
        {"level": 0},
        {"level": 10},
        {"compression": "zstd", "level": 23},
        {"compression": "brotli"},
        {"chunk_size_bytes": 0},
        {"chunk_size_bytes": 1 << 40},
        {"min_chunk_size_bytes": -1},
        {"compression": "zstd", "external_toc": True},
    ],
)
def test_options_that_make_no_sense_are_bad_input(wrong, tmp_path):
    with pytest.raises(BadInput, match="use "):
        write_layer(APP, tmp_path / "blob", WriteOptions(**wrong))
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_one_clear_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunFailed, match="cannot write the layer"):
        write_layer(APP, tmp_path / "file" / "blob")


class Interrupted(BytesSource):
    """A layer during whose conversion Ctrl-C is pressed: as a thread reads a chunk."""

    def read_at(self, offset, length):
        if length == 100_000 and 2_000_000 <= offset < 2_100_000:  # one chunk of many
            signal.raise_signal(signal.SIGINT)
        return super().read_at(offset, length)


@pytest.mark.parametrize("options", [WriteOptions(level=1), WriteOptions(level=1, external_toc=True)])
def test_an_interrupt_leaves_nothing(options, tmp_path):
    """No blob, no temporary file, and what was there before stays."""
    layer = Interrupted(source_of(entry("f", bytes(24 << 20))).data, "layer.tar")
    (tmp_path / "blob").write_bytes(b"before")
    with pytest.raises(KeyboardInterrupt):
        write_layer(layer, tmp_path / "blob", dataclasses.replace(options, chunk_size_bytes=100_000))
    assert [path.name for path in tmp_path.iterdir()] == ["blob"]
    assert (tmp_path / "blob").read_bytes() == b"before"

"""SOCI spans against SOCI's own builder, and each span decoded alone by zlib."""

import gzip
import hashlib
import io
import json
import tarfile
import tracemalloc
import zlib

import numpy as np
import pytest

from sim.core.bundle import column
from sim.core.errors import BadBlob, BadInput
from sim.core.source import BytesSource, FileSource
from sim.formats.soci import find_spans, read_soci_layer, soci_layers_layout, soci_layout
from sim.formats.tarlayer import tar_layout
from sim.testing.layer_format import LayerFormatSuite
from tests.formats.samples import DATA, TARS, tar_path
from tests.formats.tar_oracle import tar_content_id

SOCI_DATA = DATA.parent / "soci"
FACTS = json.loads((SOCI_DATA / "facts.json").read_text())
SPAN_BYTES = FACTS["span_bytes"]
TEXT = SOCI_DATA / "text.tar.gz"
WINDOW = 1 << 15


def build(blobs):
    return soci_layout(blobs, span_bytes=SPAN_BYTES, min_layer_bytes=0)


def decode_alone(data, *, bits, window, first):
    """Decoded bytes of a span: its own bytes, the bits of its first one, and the 32 KiB before it."""
    if first:
        return zlib.decompressobj(wbits=-15).decompress(data)
    if bits:  # the stream goes on inside a byte: shift it to where a byte begins
        data = (int.from_bytes(data, "little") >> (8 - bits)).to_bytes(len(data), "little")
    return zlib.decompressobj(wbits=-15, zdict=window).decompress(data)


class TestSoci(LayerFormatSuite):
    shared_bytes = 1

    @pytest.fixture(params=["text", "links", "names", "sizes", "prefetch"])
    def blob(self, request):
        return TEXT if request.param == "text" else tar_path(request.param)

    def build(self, blobs):
        return build(blobs)

    def expected_content_id(self, blob):
        return tar_content_id(blob)

    def raw_unit(self, blob, unit):
        raw = gzip.decompress(blob.read_bytes())
        spans = find_spans(FileSource(blob), len(raw), span_bytes=SPAN_BYTES)
        row = spans.offset.tolist().index(unit["offset"])
        start = int(spans.raw_offset[row])
        data = blob.read_bytes()[unit["offset"] : unit["offset"] + unit["size"]]
        return decode_alone(data, bits=int(spans.bits[row]), window=raw[max(0, start - WINDOW) : start], first=row == 0)

    def cuts(self, size):
        return [cut for cut in super().cuts(size) if cut > 1]


@pytest.mark.parametrize("name", sorted(FACTS["layers"]))
def test_spans_and_size_of_the_ztoc_are_those_of_socis_builder(name):
    said = FACTS["layers"][name]
    with FileSource(SOCI_DATA.parent / name) as source:
        layer = read_soci_layer(source, span_bytes=SPAN_BYTES, min_layer_bytes=0)
        _, layout = soci_layers_layout([layer])
    spans = layer.spans
    rows = np.column_stack([spans.offset, spans.offset + spans.size, spans.raw_offset]).tolist()
    assert rows == said["spans"]
    assert layer.ztoc_size == said["ztoc_size"]
    (index,) = layout.index.to_pylist()
    assert index == {
        "blob": 0,
        "kind": "toc",
        "offset": None,
        "size": said["ztoc_size"],
        "raw_size": said["ztoc_size"],
    }


def test_a_file_lies_in_the_spans_its_bytes_are_decoded_from():
    """Each span holds the bytes of the tar between its start and the next, whatever files they are of."""
    _, layout = build([TEXT])
    starts = np.array([start for _, _, start in FACTS["layers"]["soci/text.tar.gz"]["spans"]])
    assert len(starts) > 5
    with tarfile.open(TEXT) as tar:
        members = [member for member in tar if member.isreg() and member.size]
    paths = layout.entries.column("path").to_pylist()
    found = {}
    for row in layout.extents.to_pylist():
        found.setdefault(paths[row["entry"]], []).append(
            (starts[row["unit"]] + row["unit_offset"] - row["file_offset"], row["unit"])
        )
    for member in members:
        places, units = zip(*found[member.name], strict=True)
        assert set(places) == {member.offset_data}
        inside = [i for i, start in enumerate(starts) if member.offset_data <= start < member.offset_data + member.size]
        assert sorted(units)[1:] == [i for i in inside if i != units[0]]
    assert max(len(places) for places in found.values()) > 2


def test_units_start_in_the_byte_of_their_first_bit():
    spans = find_spans(FileSource(TEXT), len(gzip.decompress(TEXT.read_bytes())), span_bytes=SPAN_BYTES)
    ends = spans.offset + spans.size
    assert (ends[:-1] - spans.offset[1:]).tolist() == (spans.bits[1:] > 0).astype(int).tolist()
    assert ends[-1] == TEXT.stat().st_size
    assert spans.offset[0] == 10  # behind a gzip header without a name


def test_small_and_uncompressed_layers_are_one_unit_without_a_ztoc(tmp_path):
    plain = tmp_path / "plain.tar"
    plain.write_bytes(gzip.decompress(TEXT.read_bytes()))
    for path, codec in ((TEXT, "gzip"), (plain, "raw")):
        tree, layout = soci_layout([path], min_layer_bytes=10 << 20)
        expected, ordinary = tar_layout([path])
        assert layout.format == "soci"
        assert tree.content_id == expected.content_id
        assert layout.index.num_rows == 0
        assert layout.units.column("codec").to_pylist() == [codec]
        assert layout.extents.equals(ordinary.extents)
        assert column(layout.units, "size").tolist() == column(ordinary.units, "size").tolist()


def test_layers_with_and_without_a_ztoc_make_one_image():
    _, layout = soci_layout([tar_path("links"), TEXT], span_bytes=SPAN_BYTES, min_layer_bytes=50_000)
    assert layout.index.column("blob").to_pylist() == [1]
    assert column(layout.units, "blob").tolist()[:2] == [0, 1]
    assert len({*column(layout.units, "blob").tolist()}) == 2


@pytest.mark.parametrize("name", TARS)
def test_every_layer_has_the_content_of_its_tar(name):
    tree, layout = build([tar_path(name)])
    assert tree.content_id == tar_content_id(tar_path(name)) == layout.content_id


def test_a_layer_of_many_gzip_members_is_covered_without_gaps():
    raw = gzip.decompress(TEXT.read_bytes())
    data = b"".join(gzip.compress(raw[at : at + 30_000], mtime=0) for at in range(0, len(raw), 30_000))
    spans = find_spans(BytesSource(data), len(raw), span_bytes=SPAN_BYTES)
    assert (np.diff(spans.raw_offset) > SPAN_BYTES).all()
    assert (spans.offset[1:] <= (spans.offset + spans.size)[:-1]).all()
    for row, start in enumerate(spans.raw_offset.tolist()):
        piece = data[spans.offset[row] : spans.offset[row] + spans.size[row]]
        window = raw[max(0, start - WINDOW) : start]
        alone = decode_alone(piece, bits=int(spans.bits[row]), window=window, first=start % 30_000 == 0)
        assert raw[start : start + len(alone)] == alone
        assert alone


@pytest.mark.parametrize("at", [-4, -8, 5000])
def test_a_damaged_layer_is_refused_in_one_line(at):
    data = bytearray(TEXT.read_bytes())
    data[at] ^= 0xFF
    with pytest.raises(BadBlob, match="damaged") as caught:
        find_spans(BytesSource(bytes(data), "x.gz"), 700_000, span_bytes=SPAN_BYTES)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("size", [0, 1 << 15, (1 << 29) + 1])
def test_a_span_size_that_cannot_be_is_bad_input(size):
    with pytest.raises(BadInput, match="span size"):
        find_spans(FileSource(TEXT), 700_000, span_bytes=size)


def test_a_gzip_bomb_takes_the_memory_of_its_spans():
    """256 MiB of zeros: some 60 spans. The library holds four times the span size, and 32 KiB a span."""
    raw = io.BytesIO()
    with gzip.GzipFile(fileobj=raw, mode="wb", compresslevel=1, mtime=0) as out:
        for _ in range(256):
            out.write(bytes(1 << 20))
    source = BytesSource(raw.getvalue())
    find_spans(BytesSource(TEXT.read_bytes()), 700_000)
    tracemalloc.start()
    try:
        spans = find_spans(source, 256 << 20)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert 32 < len(spans.offset) <= 64
    assert peak < 20 << 20


def test_the_digest_of_a_blob_is_that_of_its_bytes():
    _, layout = build([TEXT])
    assert layout.blobs.column("digest").to_pylist() == [f"sha256:{hashlib.sha256(TEXT.read_bytes()).hexdigest()}"]

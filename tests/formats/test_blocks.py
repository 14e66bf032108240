"""Measured blocks: what is added up from them is what the compressor really gives."""

import io
import random
import tarfile

import deflate
import numpy as np
import pytest

from sim.core.blocks import BLOCK_BYTES, entry_rows, read_blocks, write_blocks
from sim.core.bundle import column
from sim.core.errors import BadBlob
from sim.core.source import FileSource
from sim.formats.blocks import measure_image
from sim.formats.deflated import LADDER, LEVEL
from sim.formats.estargz import WriteOptions, layers_layout, open_blob, write_layer
from sim.plan.estimate import estimate_layout
from sim.plan.layout_options import LayoutOptions

MEMBER_BYTES = 18  # RFC 1952: ten bytes before, eight behind the deflate data
WORDS = [f"word{number:04d}" for number in range(3000)]


def text(size, seed=0):
    """Bytes that compress well, and better behind others of their kind."""
    rng = random.Random(seed)
    made = bytearray()
    while len(made) < size:
        made += " ".join(rng.choices(WORDS, k=200)).encode() + rng.randbytes(40)
    return bytes(made[:size])


FILES = {
    "a/small": text(1000, 1),
    "a/block": text(BLOCK_BYTES, 2),
    "a/medium": text(300_001, 3),
    "b/large": text((5 << 20) + 77, 4),
    "b/last": text(20, 5),
}


def tar_of(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, kind in (("a", tarfile.DIRTYPE), ("b", tarfile.DIRTYPE), ("a/link", tarfile.SYMTYPE)):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "small" if kind == tarfile.SYMTYPE else ""
            archive.addfile(member)
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mtime, member.mode = len(data), 1_700_000_000, 0o644
            archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    layer = tmp_path_factory.mktemp("blocks") / "layer.tar"
    layer.write_bytes(tar_of(FILES))
    return measure_image([layer], workers=2)


def deflated(data):
    return len(deflate.deflate_compress(data, LEVEL))


def units_of(layout, path):
    """Sizes of the units of a file, in its order."""
    entry = layout.entries.column("path").to_pylist().index(path)
    units = column(layout.extents, "unit")[column(layout.extents, "entry") == entry]
    return column(layout.units, "size")[units].tolist()


@pytest.mark.parametrize("chunk", LADDER)
def test_at_the_measured_chunk_sizes_every_chunk_is_exact(image, chunk):
    _, gzip, blocks = image
    layout = estimate_layout(gzip, blocks, LayoutOptions(chunk_size_bytes=chunk))
    for path, data in FILES.items():
        real = [MEMBER_BYTES + deflated(data[start : start + chunk]) for start in range(0, len(data), chunk)]
        assert units_of(layout, path)[:-1] == real[:-1]
        assert 0 <= units_of(layout, path)[-1] - real[-1] < 200  # the padding and the next file's header


@pytest.mark.parametrize("chunk", [100_000, 2 << 20, 3_333_333])
def test_at_other_chunk_sizes_chunks_add_up_within_half_a_percent(image, chunk):
    _, gzip, blocks = image
    layout = estimate_layout(gzip, blocks, LayoutOptions(chunk_size_bytes=chunk))
    data = FILES["b/large"]
    real = [MEMBER_BYTES + deflated(data[start : start + chunk]) for start in range(0, len(data), chunk)]
    found = units_of(layout, "b/large")
    assert len(found) == len(real)
    assert sum(found) == pytest.approx(sum(real), rel=0.005)
    assert found[:-1] == pytest.approx(real[:-1], rel=0.02)


def test_a_file_carries_what_follows_it_in_the_tar(image):
    _, gzip, blocks = image
    raw = tar_of(FILES)
    start = raw.index(FILES["a/small"])
    end = raw.index(FILES["a/block"])
    layout = estimate_layout(gzip, blocks, LayoutOptions())
    # the header of the next file is written anew: some of its zero fields look otherwise
    assert units_of(layout, "a/small") == pytest.approx([MEMBER_BYTES + deflated(raw[start:end])], abs=16)


def test_files_that_share_a_member_add_up_within_three_percent(tmp_path):
    files = {
        f"small/{number:03}": "".join(random.Random(number).choices(WORDS[:100], k=250)).encode()
        for number in range(60)
    }
    layer, raw = tmp_path / "layer.tar", tar_of(files)
    layer.write_bytes(raw)
    _, gzip, blocks = measure_image([layer])
    (member,) = column(estimate_layout(gzip, blocks, LayoutOptions(min_chunk_size_bytes=10**9)).units, "size")
    together = deflated(bytes(512) + raw[: raw.rindex(b"word")])  # the landmark's block stands before all
    assert sum(deflated(data) for data in files.values()) > 1.2 * together
    assert member == pytest.approx(MEMBER_BYTES + together, rel=0.03)


def units_by_chunk(layout):
    """Chunks of each unit."""
    chunks = zip(*(column(layout.extents, name).tolist() for name in ("unit", "entry", "file_offset")), strict=True)
    units = {}
    for unit, *chunk in sorted(chunks):
        units.setdefault(unit, []).append(chunk)
    return list(units.values())


@pytest.mark.parametrize("least", [3000, 20_000, 100_000])
def test_files_share_members_as_the_writer_has_it(least, tmp_path):
    """Several batches of files that are alike and not, whose chunks begin inside of blocks: not one cut differs."""
    rng = random.Random(least)
    sizes = [rng.choice((20, 700, 5000, 30_000, 300_000)) for _ in range(200)]
    files = {f"f{number:03}": rng.choice((rng.randbytes, text, bytes))(size) for number, size in enumerate(sizes)}
    layer, blob = tmp_path / "layer.tar", tmp_path / "blob"
    layer.write_bytes(tar_of(files))
    _, gzip, blocks = measure_image([layer])
    estimated = estimate_layout(gzip, blocks, LayoutOptions(chunk_size_bytes=100_000, min_chunk_size_bytes=least))
    with FileSource(layer) as source:
        written = write_layer(source, blob, WriteOptions(chunk_size_bytes=100_000, min_chunk_size_bytes=least))
    with FileSource(blob) as source:
        real = layers_layout([open_blob(source)], digests=[written.digest], raw_sizes=[written.raw_size_bytes])[1]
    assert units_by_chunk(estimated) == units_by_chunk(real)
    assert real.units.num_rows > 10
    assert column(estimated.units, "size") == pytest.approx(column(real.units, "size"), rel=0.1)


def test_blocks_do_not_depend_on_the_number_of_workers(image, tmp_path):
    layer = tmp_path / "layer.tar"
    layer.write_bytes(tar_of(FILES))
    _, _, blocks = measure_image([layer], workers=1)
    for name in ("layers", "members", "blocks"):
        assert getattr(blocks, name).equals(getattr(image[2], name))


def test_a_bundle_gives_back_what_was_stored(image, tmp_path):
    blocks = image[2]
    write_blocks(tmp_path / "blocks", blocks, {})
    read = read_blocks(tmp_path / "blocks")
    assert (read.content_id, read.compressor) == (blocks.content_id, blocks.compressor)
    assert all(getattr(read, name).equals(getattr(blocks, name)) for name in ("layers", "members", "blocks"))


def test_every_entry_and_every_block_has_its_row(image):
    _, gzip, blocks = image
    entry, size = entry_rows(blocks.members), column(blocks.members, "size")
    assert sorted(entry.tolist()) == list(range(gzip.entries.num_rows))
    assert (size == column(gzip.entries, "size")[entry]).all()
    assert blocks.blocks.num_rows == int(np.ceil(size / BLOCK_BYTES).sum())


def test_of_two_entries_with_one_name_the_later_is_measured_and_marks_are_left_out(tmp_path):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, size in (("f", 10), (".no.prefetch.landmark", 1), ("g", 5), ("./f", 700), ("stargz.index.json", 9)):
            member = tarfile.TarInfo(name)
            member.size = size
            archive.addfile(member, io.BytesIO(bytes(size)))
    layer = tmp_path / "layer.tar"
    layer.write_bytes(out.getvalue())
    _, gzip, blocks = measure_image([layer])
    paths = gzip.entries.column("path").to_pylist()
    assert [paths[entry] for entry in entry_rows(blocks.members)] == ["g", "f"]
    assert column(blocks.members, "size").tolist() == [5, 700]
    layout = estimate_layout(gzip, blocks, LayoutOptions())
    assert layout.entries.column("path").to_pylist() == [".no.prefetch.landmark", "f", "g"]


def test_a_cut_layer_is_refused(tmp_path):
    layer = tmp_path / "layer.tar"
    layer.write_bytes(tar_of(FILES)[:-40_000])
    with pytest.raises(BadBlob, match="cut"):
        measure_image([layer])

"""Estimated layouts of a hand-made image: places and sizes one can work out in the head."""

import numpy as np
import pyarrow as pa
import pytest

from sim.core.blocks import BLOCKS_SCHEMA, LAYERS_SCHEMA, MEMBERS_SCHEMA, Blocks
from sim.core.bundle import column
from sim.core.errors import BadInput, ContentMismatch
from sim.core.layout import (
    BLOBS_SCHEMA,
    ENTRIES_SCHEMA,
    EXTENTS_SCHEMA,
    INDEX_SCHEMA,
    UNITS_SCHEMA,
    Layout,
    read_layout,
    write_layout,
)
from sim.plan.columns import layout_columns
from sim.plan.estimate import estimate_layout
from sim.plan.layout_options import LayoutOptions

KIB = 1 << 10
BLOCK = 64 * KIB
HEADER, HEADER_PACKED, MEMBER = 512, 50, 18
FOOTER = 51

# path, kind, bytes, link; in the order of the tar
ENTRIES = [
    ("bin", "dir", 0, None),
    ("bin/sh", "reg", 100, None),
    ("data", "reg", 4 * BLOCK, None),
    ("lib", "dir", 0, None),
    ("lib/hard", "hardlink", 0, "lib/x/real"),
    ("lib/x", "dir", 0, None),
    ("lib/x/real", "reg", 1000, None),
    ("zero", "reg", 0, None),
]
PACKED, SAVED = 10_000, 1_000  # of each block of data; the small files deflate to half of their bytes
CLOSE, NEAR = 10, 30  # what any file saves behind 2 and behind 32 KiB of the tar before it


def table(schema, rows):
    columns = list(zip(*rows, strict=True)) or [()] * len(schema)
    return pa.table([pa.array(list(values), field.type) for values, field in zip(columns, schema, strict=True)], schema)


def image(content_id="sha256:1", listing=ENTRIES):
    """Base layout and blocks of one layer."""
    ordered = sorted(range(len(listing)), key=lambda row: listing[row][0])
    place = {row: number for number, row in enumerate(ordered)}
    entries = [(0, 0, *listing[row]) for row in ordered]
    members, blocks, before = [], [], 0
    for row, (path, _, size, _) in enumerate(listing):
        saved = (CLOSE, NEAR) if size else (0, 0)
        members.append((0, place[row] - before, size, HEADER, HEADER_PACKED, 200, len(path) + 2, *saved))
        before = place[row]
        if size > BLOCK:
            blocks += [(PACKED, SAVED if number else 0) for number in range(size // BLOCK)]
        elif size:
            blocks.append((size // 2, 0))
    blob = (0, "sha256:0", 1, 1, "layer", "absent", None)
    base = Layout(
        "gzip",
        content_id,
        blobs=table(BLOBS_SCHEMA, [blob]),
        entries=table(ENTRIES_SCHEMA, entries),
        units=UNITS_SCHEMA.empty_table(),
        extents=EXTENTS_SCHEMA.empty_table(),
        index=INDEX_SCHEMA.empty_table(),
    )
    measured = Blocks(
        content_id,
        "by hand",
        table(LAYERS_SCHEMA, [(1000, 1300, 1040)]),
        table(MEMBERS_SCHEMA, members),
        table(BLOCKS_SCHEMA, blocks),
    )
    return base, measured


def estimated(**options):
    base, blocks = image()
    return estimate_layout(base, blocks, LayoutOptions(**options))


def order(layout):
    """Paths of the files in order of their places in the blob."""
    places = layout.extents.to_pandas().sort_values(["unit", "unit_offset"])["entry"].drop_duplicates()
    return [layout.entries.column("path")[entry].as_py() for entry in places]


def test_each_chunk_has_a_member_of_its_own():
    layout = estimated(chunk_size_bytes=2 * BLOCK)
    chunk = PACKED + PACKED - SAVED
    landmark = MEMBER + 6 + 2 * HEADER_PACKED  # the headers of bin and bin/sh lie behind its byte
    assert column(layout.units, "size").tolist() == [
        landmark,
        MEMBER + 50 + HEADER_PACKED,
        MEMBER + chunk,
        MEMBER + chunk + 4 * HEADER_PACKED,  # lib, lib/hard, lib/x, lib/x/real
        MEMBER + 500 + HEADER_PACKED,  # zero
    ]
    offset, size = column(layout.units, "offset"), column(layout.units, "size")
    assert offset[0] == column(layout.blobs, "landmark_offset")[0] == MEMBER + 60
    assert (offset[1:] == offset[:-1] + size[:-1]).all()
    assert column(layout.units, "raw_size").tolist() == [1, 100, 2 * BLOCK, 2 * BLOCK, 1000]


def test_blob_toc_and_footer_follow_each_other():
    layout = estimated(chunk_size_bytes=2 * BLOCK)
    (blob,) = layout.blobs.to_pylist()
    footer, toc = layout.index.to_pylist()
    end = int(column(layout.units, "offset")[-1] + column(layout.units, "size")[-1])
    assert toc["offset"] == end
    assert toc["size"] == 1100  # one further chunk of the three that 64 KiB would give
    assert footer["offset"] == end + toc["size"]
    assert blob["size"] == footer["offset"] + FOOTER
    assert (layout.format, layout.estimated, layout.synthetic) == ("estargz", True, False)


def test_a_chunk_that_starts_inside_a_block_loses_what_its_seams_lose():
    layout = estimated(chunk_size_bytes=BLOCK + BLOCK // 2)
    # blocks cost 10,000, then 9,000 each behind another; a start anywhere behind the first costs 1,000 more
    assert column(layout.units, "size")[2:4].tolist() == [MEMBER + 14_500, MEMBER + 14_500]


def test_listed_files_come_first_behind_their_folders_and_link_targets():
    layout = estimated(priorities=(("lib/hard", "missing", "bin/sh"),))
    assert order(layout) == ["lib/x/real", "bin/sh", ".prefetch.landmark", "data"]
    (blob,) = layout.blobs.to_pylist()
    assert blob["landmark"] == "prefetch"
    head = MEMBER + 3 * HEADER_PACKED  # lib, lib/x, lib/x/real
    real = MEMBER + 500 + 3 * HEADER_PACKED  # lib/hard, bin, bin/sh
    shell = MEMBER + 50 + 60  # the landmark's own header
    assert blob["landmark_offset"] == head + real + shell


def test_a_list_of_which_nothing_is_there_puts_the_landmark_first():
    layout = estimated(priorities=(("missing",),))
    assert order(layout)[0] == ".prefetch.landmark"
    assert layout.blobs.column("landmark").to_pylist() == ["prefetch"]


def test_small_chunks_share_members_until_these_are_large_enough():
    layout = estimated(min_chunk_size_bytes=500)
    # the landmark opens a member; bin/sh and data join it, and lib/x/real finds it large enough
    assert layout.units.num_rows == 2
    assert order(layout) == [".no.prefetch.landmark", "bin/sh", "data", "lib/x/real"]
    inner = {
        layout.entries.column("path")[row["entry"]].as_py(): (row["unit"], row["unit_offset"])
        for row in layout.extents.to_pylist()
    }
    assert inner == {
        ".no.prefetch.landmark": (0, 0),
        "bin/sh": (0, 512 + 2 * HEADER),
        "data": (0, 512 + 2 * HEADER + 512 + HEADER),
        "lib/x/real": (1, 0),
    }
    assert column(layout.units, "raw_size").tolist() == [1 + 100 + 4 * BLOCK, 1000]


def test_a_file_saves_more_the_more_of_its_neighbours_are_before_it():
    together, rest = column(estimated(min_chunk_size_bytes=500).units, "size")
    landmark = 6 + 2 * HEADER_PACKED
    # bin/sh stands behind the landmark, which was not before it in the tar; data behind five blocks of 512 bytes:
    # 1.25 times the shorter length, of four doublings to the longer one
    data = PACKED * 4 - SAVED * 3 - (CLOSE + (NEAR - CLOSE) * np.log2(1.25) / 4) + 4 * HEADER_PACKED
    assert together == round(MEMBER + landmark + 50 + HEADER_PACKED + data)
    assert rest == MEMBER + 500 + HEADER_PACKED


def test_what_a_file_saves_depends_on_what_was_moved_before_it():
    (only,) = column(estimated(min_chunk_size_bytes=10**9, priorities=(("data", "bin/sh"),)).units, "size")[:1]
    head = 2 * HEADER_PACKED - HEADER_PACKED  # data's own header
    data = PACKED * 4 - SAVED * 3 - CLOSE / 4 + 2 * HEADER_PACKED  # behind 512 bytes, a quarter of 2 KiB; bin, bin/sh
    shell = 50 + 60  # data was its follower, not a file before it; the landmark's header
    assert only == round(MEMBER + head + data + shell)


def test_a_member_ends_with_its_batch_and_a_short_one_joins_the_one_before():
    base, blocks = image(listing=[("data", "reg", 80 * BLOCK, None)])
    layout = estimate_layout(base, blocks, LayoutOptions(chunk_size_bytes=BLOCK, min_chunk_size_bytes=1 << 17))
    # 15.5 chunks of 10,018 bytes less 500 reach 144 KiB; with 1 KiB each, the landmark and 63 of them 4 MiB, where a
    # batch ends; 15 chunks of 9,000 bytes are more than 128 KiB, one alone is not
    chunks = [1 + 16 * BLOCK, 16 * BLOCK, 16 * BLOCK, 15 * BLOCK, (16 + 1) * BLOCK]
    assert column(layout.units, "raw_size").tolist() == chunks


def test_a_landmark_always_opens_a_member():
    layout = estimated(min_chunk_size_bytes=10**9, priorities=(("bin/sh",),))
    assert layout.units.num_rows == 2  # bin/sh with the head of the blob; the landmark and all behind it
    assert column(layout.units, "offset")[0] == 0
    assert column(layout.blobs, "landmark_offset")[0] == column(layout.units, "offset")[1]


@pytest.mark.parametrize("options", [{}, {"chunk_size_bytes": BLOCK}, {"min_chunk_size_bytes": 300}])
def test_files_are_covered_and_readers_can_use_the_layout(options):
    layout = estimated(**options, priorities=(("data",),))
    for entry, size in enumerate(column(layout.entries, "size")):
        mine = column(layout.extents, "entry") == entry
        start, length = column(layout.extents, "file_offset")[mine], column(layout.extents, "length")[mine]
        assert length.sum() == size
        assert (start == np.cumsum(length) - length).all()
    assert layout_columns(layout).entry_of[0, "data"] >= 0


def test_what_is_estimated_says_so_when_stored(tmp_path):
    write_layout(tmp_path / "layout", estimated(), {})
    assert read_layout(tmp_path / "layout").estimated


def test_candidates_have_blobs_of_their_own():
    made = [estimated(), estimated(chunk_size_bytes=BLOCK), estimated(priorities=(("data",),))]
    assert len({layout.blobs.column("digest")[0].as_py() for layout in made}) == 3


def test_blocks_of_another_image_are_refused():
    base, _ = image()
    with pytest.raises(ContentMismatch, match="measure the blocks of this image"):
        estimate_layout(base, image("sha256:2")[1], LayoutOptions())


@pytest.mark.parametrize("options", [{"chunk_size_bytes": BLOCK - 1}, {"min_chunk_size_bytes": -1}])
def test_sizes_that_cannot_be_estimated_are_refused(options):
    with pytest.raises(BadInput):
        LayoutOptions(**options)

"""Padded images: exact totals, the same files in every format, reads that cover the share asked for."""

import dataclasses

import numpy as np
import pytest

from sim.core.bundle import column
from sim.core.errors import BadConfig
from sim.core.layout import LAYOUT_KIND
from sim.experiment.padded_layout import CHUNK_SIZE, pad_layout
from sim.experiment.padded_trace import READ_SIZE, pad_trace
from sim.experiment.padding import PaddingRequest, plan_padding
from sim.experiment.recorded import read_bytes, regular_files
from sim.plan.compile import compile_program
from tests.experiment.small import (
    FILES,
    LAYERS,
    RAW_BYTES,
    READ_BYTES,
    READY_NS,
    make_layout,
    make_trace,
    make_tree,
)

KINDS = ("gzip", "estargz", "estargz-landmark")
TOTAL = 20_000_000


def padding(**request):
    asked = PaddingRequest(**({"total_bytes": TOTAL} | request))
    return plan_padding(make_layout("gzip"), make_layout("estargz"), make_trace("throttled"), asked)


def files_of(layout):
    """(layer, path, size) of every regular file but landmarks."""
    rows = layout.entries.select(["layer", "path", "size"]).to_pylist()
    return [tuple(row.values()) for row in rows if "landmark" not in row["path"]]


def test_the_recorded_image_is_measured_as_it_was_made():
    sizes, packed = regular_files(make_layout("estargz"))
    assert len(sizes) == LAYERS * FILES
    assert sizes.sum() == RAW_BYTES
    assert (packed == np.round(sizes // 2)).all()
    assert read_bytes(make_trace("local"), make_layout("gzip")) == READ_BYTES


@pytest.mark.parametrize("layers", [3, 10, 60])
def test_total_and_layers_are_exactly_as_asked(layers):
    padded = pad_layout(make_layout("gzip"), padding(layers=layers))
    assert column(padded.blobs, "size").sum() == TOTAL
    assert padded.blobs.num_rows == layers
    assert (column(padded.blobs, "size") > 0).all()


def test_layers_share_the_bytes_about_evenly():
    sizes = padding(layers=12).gzip_sizes
    assert sizes.min() > 0.8 * sizes.max()


def test_all_formats_hold_the_same_files_and_content():
    plan = padding(layers=5, read_share=0.3)
    padded = [pad_layout(make_layout(kind), plan) for kind in KINDS]
    assert files_of(padded[0]) == files_of(padded[1]) == files_of(padded[2])
    assert len({layout.content_id for layout in padded} | {make_tree().content_id}) == 2
    assert all(layout.synthetic for layout in padded)


def test_files_are_like_the_recorded_ones():
    plan = padding()
    recorded, _ = regular_files(make_layout("gzip"))
    assert set(plan.size[:-1].tolist()) <= set(recorded.tolist())
    # the mean of n draws lies within five standard errors of the mean of what is drawn from
    assert abs(plan.size.mean() - recorded.mean()) < 5 * recorded.std() / np.sqrt(len(plan.size))
    assert plan.packed.sum() / plan.size.sum() == pytest.approx(0.5, abs=0.001)


def test_what_was_recorded_stays_where_it_was():
    for kind in KINDS:
        base = make_layout(kind)
        padded = pad_layout(base, padding(read_share=0.5))
        for name in LAYOUT_KIND.tables:
            assert getattr(padded, name).slice(0, getattr(base, name).num_rows).equals(getattr(base, name))


@pytest.mark.parametrize("kind", ["estargz", "estargz-landmark"])
def test_members_lie_one_after_the_other_up_to_the_toc(kind):
    padded = pad_layout(make_layout(kind), padding(layers=4, read_share=0.3))
    blob, offset, size = (column(padded.units, name) for name in ("blob", "offset", "size"))
    index = padded.index.to_pylist()
    for layer in range(4):
        mine = blob == layer
        assert (offset[mine][1:] == offset[mine][:-1] + size[mine][:-1]).all()
        footer, toc = (row for row in index if row["blob"] == layer)
        assert toc["offset"] == offset[mine][-1] + size[mine][-1]
        assert footer["offset"] == toc["offset"] + toc["size"]
        assert footer["offset"] + footer["size"] == padded.blobs.column("size")[layer].as_py()


def test_every_byte_of_every_file_lies_in_exactly_one_unit():
    for kind in KINDS:
        padded = pad_layout(make_layout(kind), padding(layers=4, read_share=0.2))
        entry, at, length = (column(padded.extents, name) for name in ("entry", "file_offset", "length"))
        assert (np.lexsort((at, entry)) == np.arange(len(entry))).all()
        assert (np.bincount(entry, weights=length) == column(padded.entries, "size")).all()
        if kind != "gzip":
            unit = column(padded.extents, "unit")
            assert (np.bincount(unit, weights=length) == column(padded.units, "raw_size")).all()


def test_files_above_the_chunk_size_have_several_units():
    plan = padding()
    size = plan.size.copy()
    size[0] = 2 * CHUNK_SIZE + 5
    padded = pad_layout(make_layout("estargz"), dataclasses.replace(plan, size=size))
    first = padded.extents.column("entry").to_numpy() == make_layout("estargz").entries.num_rows + 1
    assert padded.extents.filter(first).column("length").to_pylist() == [CHUNK_SIZE, CHUNK_SIZE, 5]


def test_read_files_lie_before_the_landmark_in_order_of_reading_and_no_others():
    plan = padding(layers=4, read_share=0.3)
    padded = pad_layout(make_layout("estargz-landmark"), plan)
    names = plan.names()
    for layer in (2, 3):
        blob = padded.blobs.to_pylist()[layer]
        assert blob["landmark"] == "prefetch"
        units, extents = padded.units.to_pylist(), padded.extents.to_pylist()
        before = [
            padded.entries.column("path")[extent["entry"]].as_py()
            for extent in sorted(extents, key=lambda extent: extent["unit"])
            if units[extent["unit"]]["blob"] == layer and units[extent["unit"]]["offset"] < blob["landmark_offset"]
        ]
        assert before == [names[row] for row in plan.read.tolist() if plan.layer[row] == layer]


def test_without_reads_synthetic_layers_have_nothing_to_prefetch():
    padded = pad_layout(make_layout("estargz-landmark"), padding(layers=3))
    assert padded.blobs.column("landmark").to_pylist() == ["no_prefetch", "prefetch", "no_prefetch"]


@pytest.mark.parametrize("share", [0.01, 0.3, 0.9])
@pytest.mark.parametrize("kind", ["local", "throttled"])
def test_reads_cover_the_share_of_all_files(share, kind):
    plan = padding(read_share=share, layers=5)
    trace = pad_trace(make_trace(kind), plan)
    everything = RAW_BYTES + int(plan.size.sum())
    padded = pad_layout(make_layout("gzip"), plan)
    assert read_bytes(trace, padded) == round(share * everything)
    assert trace.header.synthetic
    assert trace.header.content_id == padded.content_id


def test_reads_follow_one_another_without_a_gap_after_the_recorded_ones():
    trace = pad_trace(make_trace("throttled"), padding(read_share=0.2))
    start, end = (column(trace.operations, name) for name in ("start_ns", "end_ns"))
    added = start >= READY_NS
    assert added.sum() == trace.operations.num_rows - 10
    assert (end[added] - start[added] == 5_000_000).all()
    assert (start[added][1:] == end[added][:-1]).all()
    assert trace.ready_ns == end[added][-1]
    assert column(trace.operations, "length")[added].max() <= READ_SIZE


def test_without_a_share_the_trace_is_only_relabelled():
    trace, plan = make_trace("local"), padding()
    padded = pad_trace(trace, plan)
    assert padded.operations.equals(trace.operations)
    assert padded.header.content_id == plan.content_id


@pytest.mark.parametrize("kind", KINDS)
def test_padded_trace_compiles_against_padded_layout(kind):
    plan = padding(read_share=0.25, layers=6)
    program = compile_program(pad_trace(make_trace("throttled"), plan), pad_layout(make_layout(kind), plan))
    assert program.read_bytes == READ_BYTES + plan.read_length.sum()
    # one thread: each step follows the one before
    assert (program.anchor == np.arange(program.steps) - 1).all()


def test_the_same_request_gives_the_same_image_and_the_share_does_not_change_its_files():
    first, second, other = padding(), padding(), padding(read_share=0.5)
    assert first.content_id == second.content_id == other.content_id != padding(layers=4).content_id
    assert (first.size == second.size).all()
    assert (first.size == other.size).all()


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"total_bytes": 100_000}, "image.total 100 kB is not above the 464 kB of the recorded image"),
        ({"total_bytes": None, "layers": 9}, "need image.total"),
        ({"layers": 2}, "the recorded image has 2 and synthetic files need one more; ask for at least 3"),
        ({"total_bytes": 500_000, "layers": 60}, "too few for 58 more layers; raise image.total"),
        # about 39.3 MB of synthetic files beside 0.93 MB recorded ones, of which 54,865 bytes are read
        ({"read_share": 0.0001}, r"between 0\.00136 and 0\.978 can be read"),
        ({"read_share": 1.0}, r"between 0\.00136 and 0\.978 can be read"),
    ],
)
def test_requests_that_cannot_be_met_say_why(request_, message):
    with pytest.raises(BadConfig, match=message):
        padding(**request_)

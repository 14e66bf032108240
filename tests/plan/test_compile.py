"""Compiling: small traces one can follow with a finger, and a slow reference for the rest."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.core.errors import BadBundle, ContentMismatch
from sim.plan.compile import compile_program
from tests.plan.reference import compile_slowly
from tests.plan.small import layout, op, trace

TWO_FILES = {(0, "a"): [10, 10], (0, "b"): [10]}  # units 0, 1 and 2


def hits(counts, at):
    return counts.reads[at], counts.read_bytes[at], counts.lookups[at], counts.readdirs[at]


def test_a_serial_start_keeps_first_touches_and_folds_the_rest():
    recorded = trace(
        [
            op(1, 2, kind="lookup"),
            op(3, 4),  # first touch of unit 0
            op(5, 6, kind="readdir", path=""),
            op(6, 7, offset=5, length=5),  # unit 0 again: cannot miss
            op(9, 10, offset=5, length=10),  # units 0 and 1: unit 1 is new
        ],
        marks=[("ready", 12)],
    )
    program = compile_program(recorded, layout(TWO_FILES))
    assert program.anchor.tolist() == [-1, 0]
    assert program.gap_s.tolist() == [1 + 1, 1 + 0 + 2]  # computing only; the hits took 2 s that do not count
    assert hits(program.hits, 0) == (0, 0, 1, 0)
    assert hits(program.hits, 1) == (1, 5, 0, 1)
    assert program.units.tolist() == [0, 0, 1]
    assert program.unit_start.tolist() == [0, 1, 3]
    assert (program.entry.tolist(), program.offset.tolist(), program.length.tolist()) == ([0, 0], [0, 5], [10, 10])
    assert (program.mark_names, program.mark_anchor.tolist(), program.mark_gap_s.tolist()) == (("ready",), [1], [2.0])
    assert hits(program.mark_hits, 0) == (0, 0, 0, 0)
    assert (program.steps, program.operations, program.read_bytes, program.copy_up_bytes) == (2, 5, 25, 0)


def test_a_unit_touched_in_a_sibling_branch_is_not_a_sure_hit():
    """Two threads read the same unit at the same time: neither waits for the other, so both may fetch."""
    recorded = trace([op(0, 1, "b"), op(2, 6, thread=1), op(3, 5, thread=2), op(7, 8)], marks=[("ready", 8)])
    program = compile_program(recorded, layout(TWO_FILES))
    assert program.steps == 3
    assert program.anchor.tolist() == [-1, 0, 0]
    assert program.gap_s.tolist() == [0, 1, 2]
    assert program.mark_anchor.tolist() == [1]  # the last read follows thread 1, which ended last, and is a hit
    assert program.mark_gap_s.tolist() == [1.0]
    assert hits(program.mark_hits, 0) == (1, 10, 0, 0)


def test_a_hit_needs_all_its_units_from_ancestors():
    """Thread 1 has unit 0, thread 2 unit 1; what follows only thread 2 may still have to fetch unit 0."""
    recorded = trace([op(0, 4, thread=1), op(1, 5, offset=10, thread=2), op(6, 7, offset=5)])
    program = compile_program(recorded, layout(TWO_FILES))
    assert program.steps == 3
    assert program.anchor.tolist() == [-1, -1, 1]


def test_a_hard_link_is_the_file_it_leads_to():
    files = {(0, "a"): [10], (0, "l1"): "a", (0, "l2"): "l1", (1, "a"): [10]}
    recorded = trace([op(0, 1, "a"), op(2, 3, "l2"), op(4, 5, "a", layer=1)])
    program = compile_program(recorded, layout(files))
    assert program.entry.tolist() == [0, 3]  # the link is a hit on layer 0's file; layer 1 has another
    assert program.units.tolist() == [0, 1]


def test_reads_past_the_end_and_of_nothing_need_nothing():
    recorded = trace(
        [op(0, 1, "b", offset=10), op(1, 2, "b", length=0), op(2, 3, "b", offset=99), op(3, 4, "b", offset=8)],
        marks=[("ready", 5)],
    )
    program = compile_program(recorded, layout(TWO_FILES))
    assert (program.steps, program.read_bytes) == (1, 2)
    assert (program.offset.tolist(), program.length.tolist()) == ([8], [2])
    assert hits(program.hits, 0) == (3, 0, 0, 0)


def test_copy_up_is_marked_and_counted_apart():
    recorded = trace([op(0, 1, copy_up=True), op(1, 2, "b"), op(2, 3, copy_up=True)])
    program = compile_program(recorded, layout(TWO_FILES))
    assert program.copy_up.tolist() == [True, False]
    assert (program.read_bytes, program.copy_up_bytes) == (10, 20)


def test_what_the_writable_layer_took_stays_in_the_gap():
    recorded = trace([op(0, 1), op(2, 5, "new", kind="write", layer=-1), op(6, 7, "b")])
    program = compile_program(recorded, layout(TWO_FILES))
    assert program.gap_s.tolist() == [0, 5]
    assert program.operations == 2


def test_what_follows_the_last_mark_is_dropped():
    recorded = trace([op(0, 1), op(5, 6, "b")], marks=[("step 1", 0.5), ("ready", 3)])
    program = compile_program(recorded, layout(TWO_FILES))
    assert program.operations == program.steps == 1
    assert program.mark_anchor.tolist() == [-1, 0]  # nothing had ended at 0.5 s
    assert program.mark_gap_s.tolist() == [0.5, 2]


def test_a_mark_follows_the_last_operation_that_had_ended():
    """Row 1 starts first but ends last: the mark at 5 s does not wait for it."""
    recorded = trace([op(0, 9), op(1, 2, "b", thread=1)], marks=[("ready", 5)])
    program = compile_program(recorded, layout(TWO_FILES))
    assert (program.mark_anchor.tolist(), program.mark_gap_s.tolist()) == ([1], [3])


def test_files_sharing_one_huge_unit_are_fetched_once():
    """In a gzip layer the unit is the blob: whoever reads first gets it for all."""
    shared = layout(TWO_FILES, unit_of={(0, "a"): [0, 0], (0, "b"): [0]})
    program = compile_program(trace([op(0, 1, "a", length=20), op(2, 3, "b")]), shared)
    assert program.units.tolist() == [0]


def test_holes_need_nothing():
    sparse = layout({(0, "a"): [10, -10, 10], (0, "b"): [-10]})
    recorded = trace([op(0, 1, "a", offset=10), op(1, 2, "b"), op(2, 3, "a", offset=15)])
    assert compile_program(recorded, sparse).units.tolist() == [1]


def test_a_start_that_reads_nothing_has_marks_only():
    program = compile_program(trace([], marks=[("ready", 3)]), layout(TWO_FILES))
    assert (program.steps, program.mark_anchor.tolist(), program.mark_gap_s.tolist()) == (0, [-1], [3])


def test_a_lookup_of_a_name_that_is_not_there_is_a_lookup():
    program = compile_program(trace([op(0, 1, "nowhere", kind="lookup")], [("ready", 2)]), layout(TWO_FILES))
    assert hits(program.mark_hits, 0) == (0, 0, 1, 0)


def test_other_content_is_refused():
    with pytest.raises(ContentMismatch, match=r"toy was recorded on content 11111111… .* has 22222222…"):
        compile_program(trace([]), layout(TWO_FILES, content_id="sha256:" + "2" * 64))


@pytest.mark.parametrize(
    ("operations", "files", "complaint"),
    [
        ([op(0, 1, "gone")], TWO_FILES, r"reads 'gone' in layer 0, which the estargz layout does not have"),
        ([op(0, 1, layer=1)], TWO_FILES, r"reads 'a' in layer 1"),
        ([op(2, 3), op(1, 2)], TWO_FILES, "out of order"),
        ([op(2, 1)], TWO_FILES, "out of order"),
        ([op(0, 1, "l")], {(0, "l"): "gone"}, "hard link 'l' leads nowhere"),
        ([op(0, 1, "l")], {(0, "l"): "m", (0, "m"): "l"}, "lead to one another"),
    ],
)
def test_damaged_input_is_refused(operations, files, complaint):
    with pytest.raises(BadBundle, match=complaint):
        compile_program(trace(operations), layout(files))


FILES = {
    (0, "a"): [4, 4, 4],
    (0, "b"): [4],
    (0, "l"): "a",
    (0, "odd"): [3, 5, 2],
    (1, "a"): [3],
    (1, "c"): [2, 2, 1],
    (1, "holes"): [4, -4, 4],
    (1, "tail"): [4, 4, -3],
    (1, "void"): [-9],
}
NAMES = list(FILES)


@st.composite
def starts(draw):
    """Several threads at once, times so coarse that ties are common."""
    operations = []
    at = 0
    for _ in range(draw(st.integers(0, 40))):
        at += draw(st.sampled_from([0, 0, 1, 1, 2, 5]))
        kind = draw(st.sampled_from(["read", "read", "read", "lookup", "readdir", "write"]))
        layer, path = draw(st.sampled_from(NAMES))
        lasts = draw(st.sampled_from([0, 1, 1, 2, 7]))
        operations.append(
            op(
                at,
                at + lasts,
                path,
                kind=kind,
                layer=-1 if kind == "write" else layer,
                offset=draw(st.integers(0, 13)),
                length=draw(st.integers(0, 8)),
                copy_up=draw(st.booleans()),
            )
        )
    marks = [(f"step {at}", at) for at in draw(st.lists(st.integers(0, 60), max_size=3))]
    return trace(operations, marks)


@settings(max_examples=150, deadline=None)
@given(starts(), st.booleans())
def test_equals_the_slow_reference(recorded, shared):
    image = layout(FILES, unit_of={(0, "b"): [1], (1, "a"): [1], (0, "a"): [0, 1, 0]} if shared else None)
    steps, marks, operations = compile_slowly(recorded, image)
    program = compile_program(recorded, image)
    assert program.operations == operations
    ours = [
        (
            program.anchor[k],
            round(program.gap_s[k] * 1e9),
            hits(program.hits, k),
            program.entry[k],
            program.offset[k],
            program.length[k],
            program.units[program.unit_start[k] : program.unit_start[k + 1]].tolist(),
            program.copy_up[k],
        )
        for k in range(program.steps)
    ]
    assert ours == steps
    our_marks = [
        (name, program.mark_anchor[k], round(program.mark_gap_s[k] * 1e9), hits(program.mark_hits, k))
        for k, name in enumerate(program.mark_names)
    ]
    assert our_marks == marks
    assert (program.gap_s >= 0).all()
    assert (program.mark_gap_s >= 0).all()
    assert (program.anchor < range(program.steps)).all()

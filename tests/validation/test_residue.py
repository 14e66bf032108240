"""Where the seconds of a run went: every cut is one that can be seen in the fake's few requests."""

import pytest

from sim.validation.compare import compare
from sim.validation.residue import sentence
from sim.validation.spent import covered
from tests.validation.fake import write

REQUESTS = ((0.1, [[0, 1]], 2, "probe"), (0.2, [[0, 9]], 10), (0.8, [[10, 19]], 10))


def test_covered_counts_overlapping_intervals_once_and_only_within():
    assert covered([(0.0, 2.0), (1.0, 3.0), (5.0, 9.0)], (1.0, 6.0)) == pytest.approx(3.0)


def rows_of(tmp_path, model_requests=REQUESTS, **how):
    write(tmp_path, "web", "lazy", "real", [1.0] * 3, requests=REQUESTS, spans=[("unpack", 0.1, 0.3)])
    write(tmp_path, "web", "lazy", "model", [1.2], requests=model_requests, **how)
    comparison = compare(tmp_path)
    return comparison, {(row.level, row.kind): row for row in comparison.residue}


def test_phases_and_pieces_between_request_starts_add_up_to_the_difference_of_the_total(tmp_path):
    _, rows = rows_of(tmp_path)
    for level in ("phase", "after"):
        every = [row for row in rows.values() if row.level == level]
        assert sum(row.measured_s for row in every) == pytest.approx(1.0)
        assert sum(row.difference_s for row in every) == pytest.approx(0.2)


def test_a_piece_belongs_to_its_phase_and_the_request_before_it(tmp_path):
    _, rows = rows_of(tmp_path)
    measured = {kind: row.measured_s for (level, kind), row in rows.items() if level == "after"}
    # phases end at 0.4, 0.5, 0.6 and 1.0; requests start at 0.1, 0.2 and 0.8
    assert measured == pytest.approx(
        {
            "pull after nothing": 0.1,
            "pull after probe": 0.1,
            "pull after foreground": 0.2,
            "create after foreground": 0.1,
            "start after foreground": 0.1,
            "ready after foreground": 0.4,
        }
    )


def test_starts_gaps_and_durations_are_per_cause(tmp_path):
    _, rows = rows_of(tmp_path)
    assert rows["start", "foreground, first"].measured_s == pytest.approx(0.2)
    assert rows["start", "foreground, last"].measured_s == pytest.approx(0.8)
    assert rows["gap", "probe"].measured_s == pytest.approx(0.1)
    assert rows["gap", "foreground"].measured_s == pytest.approx((0.6 + 0.2) / 2)
    assert rows["duration", "foreground, sum"].measured_s == pytest.approx(0.1)
    assert not any(row.largest for row in rows.values() if row.level == "duration")


def test_spans_are_compared_only_where_both_sides_have_them(tmp_path):
    _, rows = rows_of(tmp_path / "without")
    assert not any(level == "span" for level, _ in rows)
    _, rows = rows_of(tmp_path / "with", spans=[("unpack", 0.1, 0.2), ("stall", 0.3, 0.4)])
    assert rows["span", "unpack (open)"].difference_s == pytest.approx(-0.1)
    assert {kind for level, kind in rows if level == "span"} == {"unpack (open)", "unpack (until)"}


def test_the_sentence_names_the_kind_that_differs_most(tmp_path):
    # the second foreground request is 0.2 s late, and so is ready
    late = (*REQUESTS[:2], (1.0, [[10, 19]], 10))
    comparison, _ = rows_of(tmp_path, late, phases=(0.4, 0.1, 0.1, 0.6))
    text = sentence(comparison.of("total")[0], comparison.residue)
    assert "simulated +0.200 s (+20.0 %); phase ready +0.200 s; most in ready after foreground" in text

"""`check_trace` accepts a good trace and names each broken rule."""

from dataclasses import replace

import pytest

from sim.core.errors import BadBundle
from sim.core.trace import read_trace, write_trace
from sim.trace.check import check_trace
from tests.trace.made import made_trace, operation

GOOD = [
    operation("lookup", 1, 2),
    operation("read", 2, 7, length=4096),
    operation("read", 3, 8, offset=4096, length=4096),
]


def test_a_good_trace_passes_also_after_a_round_trip(tmp_path):
    trace = made_trace(GOOD, 9)
    check_trace(trace)
    write_trace(tmp_path / "t.trace", trace)
    check_trace(read_trace(tmp_path / "t.trace"))


def test_a_trace_that_lost_events_is_not_whole():
    with pytest.raises(BadBundle, match="2 events were lost"):
        check_trace(made_trace(GOOD, 9, header={"events_lost": 2}))


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (operation("read", 9, 8), "ends before it starts"),
        (operation("read", 1, 8), "not in order"),
        (operation("read", 9, 9, offset=-1), "negative"),
        (operation("read", 9, 9, layer=-2), "layer"),
        (operation("read", 9, 9, thread=1), "not in the threads"),
        (operation("read", 9, 9, path="/abs"), "not clean"),
        (operation("read", 9, 9, path="a/../b"), "not clean"),
        (operation("seek", 9, 9), "unknown kinds"),
    ],
)
def test_a_broken_rule_is_named(bad, words):
    with pytest.raises(BadBundle, match=words):
        check_trace(made_trace([*GOOD, bad], 10))


def test_a_trace_without_operations_or_ready_mark_is_refused():
    with pytest.raises(BadBundle, match="no operations"):
        check_trace(made_trace([], 9))
    trace = made_trace(GOOD, 9)
    with pytest.raises(BadBundle, match="no ready mark"):
        check_trace(replace(trace, marks=trace.marks.slice(0, 0)))

"""The timeline obeys the trace-event format: slices of one track nest, concurrent fetches have tracks of their own."""

import json
from itertools import groupby, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.core.store import load_run
from sim.report.timeline import slots, timeline

INTERVALS = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 20)).map(lambda pair: (pair[0], sum(pair))))


@given(INTERVALS.map(sorted))
def test_intervals_of_a_slot_do_not_overlap_and_no_slot_is_wasted(intervals):
    taken = slots(intervals)
    by_slot = sorted(zip(taken, intervals, strict=True))
    for _, members in groupby(by_slot, key=lambda entry: entry[0]):
        assert all(first[1] <= second[0] for (_, first), (_, second) in pairwise(members))
    # as many slots as intervals are ever open at once
    open_at_once = max(
        (sum(a <= start < b or (a == start == b) for a, b in intervals) for start, _ in intervals), default=0
    )
    assert len(set(taken)) <= max(open_at_once, min(1, len(intervals)))


@pytest.fixture(scope="module")
def events(startup, runs):
    row = runs[(runs["strategy"] == "lazy") & (runs["workload"] == "numpy")].iloc[0]
    document = json.loads(timeline({"numpy · lazy": load_run(startup / row["run"])}))
    return document["traceEvents"], row


def test_every_event_has_what_the_format_asks_for(events):
    for event in events[0]:
        assert event["ph"] in {"M", "X"}
        assert isinstance(event["pid"], int)
        if event["ph"] == "X":
            assert event["dur"] >= 0
            assert event["ts"] >= 0
            assert isinstance(event["tid"], int)


def test_slices_of_a_track_nest(events):
    slices = [event for event in events[0] if event["ph"] == "X"]
    key = lambda event: (event["pid"], event["tid"])  # noqa: E731
    for _, members in groupby(sorted(slices, key=key), key=key):
        ends = []
        for event in sorted(members, key=lambda event: (event["ts"], -event["dur"])):
            while ends and ends[-1] <= event["ts"] + 1e-9:
                ends.pop()
            end = event["ts"] + event["dur"]
            assert not ends or end <= ends[-1] + 1e-6  # a picosecond: sums of microseconds as floats
            ends.append(end)


def test_three_fetches_at_a_time_make_three_fetch_tracks(events):
    names = [event["args"]["name"] for event in events[0] if event["name"] == "thread_name"]
    assert [name for name in names if name.startswith("fetch")] == ["fetch 1", "fetch 2", "fetch 3"]


def test_the_run_is_one_slice_with_its_phases_inside(events):
    slices = {event["name"]: event for event in events[0] if event["ph"] == "X" and event["cat"] in {"run", "phase"}}
    assert slices["numpy · lazy"]["dur"] == pytest.approx(events[1]["total_s"] * 1e6, abs=0.01)
    assert sum(slices[name]["dur"] for name in ("pull", "create", "start", "ready")) == pytest.approx(
        slices["numpy · lazy"]["dur"]
    )

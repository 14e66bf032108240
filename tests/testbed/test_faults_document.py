"""The page on faults: what it says of each, and that the committed one is that of the committed record."""

from pathlib import Path

import msgspec
import pytest

from sim.testbed.fault_facts import Asked, Facts, Predicted, Record, Retry
from sim.testbed.fault_kinds import LinkCut
from sim.testbed.faults_document import render
from sim.testbed.scenarios import SCENARIOS, Scenario

MACHINE = {
    "cpu": "Z80", "cores": 1, "kernel": "6.1", "containerd": "v2", "stargz_snapshotter": "v0", "runc": "1.1",
}  # fmt: skip
CUT = Scenario(
    name="cut",
    told="The link is cut.",
    lazy=True,
    fault=LinkCut(),
    undo_after_s=5.0,
    expected="ready",
    why="TCP waits.",
)
ASKED = Asked(answered={"200": 2, "206": 7}, again=1, bytes=12345, connections=3)
READY = Facts(
    scenario="cut",
    date="2026-01-01",
    status="ready",
    normal_s={"total_s": 3.0},
    normal_asked=ASKED,
    asked=ASKED,
    ended_s=11.2,
    phases_s={"total_s": 11.0},
    repeated_s=[13.0, None],
    happened_s=1.0,
    undone_s=6.0,
    retry=Retry(0.2, None),
    model=Predicted(2.9, 7.9, "1"),
)
PAGE = Path(__file__).parents[2] / "docs" / "validation" / "faults.md"


def lines(page, begin):
    return [line for line in page.splitlines() if line.startswith(begin)]


def test_measured_and_simulated_stand_in_columns_of_their_own():
    page = render(Record(MACHINE, [READY]), [CUT])
    assert lines(page, "| cut ") == ["| cut | 3.0 s | 11.0 s, 13.0 s, failed | 2.9 s | 7.9 s |"]
    assert "ready after 11.0 s instead of 3.0 s" in page
    assert "TCP waits." in page
    assert "2 answered 200 and 7 answered 206 on 3 connections, 12,345 bytes, 1 asked again" in page


def test_a_failed_run_has_no_number_of_readiness():
    failed = msgspec.structs.replace(READY, status="failed", phases_s=None, repeated_s=[], model=None, error="gone")
    page = render(Record(MACHINE, [failed]), [CUT])
    (row,) = lines(page, "| [cut]")
    assert "**failed** after 11.2 s" in row
    assert "simulated" not in page
    assert "failed after 11.2 s, 10.2 s after the fault" in page


def test_an_end_nobody_expected_is_not_explained_away():
    other = msgspec.structs.replace(READY, status="failed", phases_s=None)
    page = render(Record(MACHINE, [other]), [CUT])
    assert "TCP waits." not in page
    assert "nobody has explained this yet" in page


def test_what_was_left_behind_is_said():
    assert "mount: /x" in render(Record(MACHINE, [msgspec.structs.replace(READY, remains=["mount: /x"])]), [CUT])


@pytest.fixture
def record():
    return msgspec.json.decode(PAGE.with_suffix(".json").read_bytes(), type=Record)


def test_the_committed_page_is_that_of_the_committed_record(record):
    assert PAGE.read_text() == render(record, SCENARIOS)


def test_every_scenario_was_tried_ended_as_it_should_and_left_nothing(record):
    expected = {scenario.name: (scenario.expected, []) for scenario in SCENARIOS}
    assert {facts.scenario: (facts.status, facts.remains) for facts in record.faults} == expected

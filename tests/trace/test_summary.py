"""A trace in numbers one can count by hand."""

import msgspec

from sim.trace.summary import describe, summarise
from tests.trace.made import made_trace, operation

OPERATIONS = [
    operation("lookup", 1, 2),
    operation("read", 2, 7, length=4096),
    operation("read", 3, 8, length=4096, layer=1, copy_up=True),
    operation("read", 8, 9, length=100, offset=4096),
    operation("create", 9, 9, layer=-1),
]


def test_counts():
    summary = summarise(made_trace(OPERATIONS, 10, marks=[("step 1", 12)]))
    assert summary.operations == {"lookup": 1, "read": 3, "create": 1}
    assert summary.read_bytes == 4096 + 4096 + 100
    assert summary.copy_up_reads == 1
    assert summary.files == 2  # the same path in two layers
    assert summary.layers == 2  # the writable one is not counted
    assert summary.ready_s == 0.010
    assert summary.marks == [("ready", 0.010), ("step 1", 0.012)]


def test_the_text_says_what_cannot_be_relied_on():
    assert "made up" in describe(summarise(made_trace(OPERATIONS, 10)))
    assert "not whole" in describe(summarise(made_trace(OPERATIONS, 10, header={"events_lost": 1})))


def test_the_json_document_has_the_same_facts():
    summary = summarise(made_trace(OPERATIONS, 10))
    assert msgspec.json.decode(msgspec.json.encode(summary))["operations"]["read"] == 3

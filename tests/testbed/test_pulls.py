"""Pulls taken apart for calibration: a run made by hand, on a clock that starts at 100."""

import pytest

from sim.testbed.cold_run import Instants, Measured
from sim.testbed.daemon_logs import LoggedSpan
from sim.testbed.pulls import bookkeeping, mounting, reading_index, unpacking
from sim.testbed.requests import Request
from sim.testbed.synthetic import DEEP, Group, LayerBlob, entries

LAYER, CONFIG = "sha256:" + "a" * 64, "sha256:" + "c" * 64


def request(begin, end, uri, *, method="GET", byte_range=""):
    return Request(
        ended=end, took=end - begin, method=method, uri=uri, range=byte_range, status=200, bytes=1, sent=1,
        connection=1, nth=1, agent="",
    )  # fmt: skip


DOCUMENTS = [
    request(100.010, 100.011, "/v2/i/manifests/t", method="HEAD"),
    request(100.014, 100.015, "/v2/i/manifests/sha256:x"),
    request(100.018, 100.019, f"/v2/i/blobs/{CONFIG}"),
]


def run(requests, spans):
    instants = Instants(asked=100.0, pulled=101.0, created=101.5, started=102.0, ready=103.0, status=0)
    return Measured(instants, requests, 0, spans, {})


def test_bookkeeping_of_a_full_pull():
    layer = request(100.022, 100.700, f"/v2/i/blobs/{LAYER}")
    pulled = run([*DOCUMENTS, layer], [LoggedSpan("unpack", LAYER, 100.72, 100.9)])
    found = {sample.measure: sample.seconds for sample in bookkeeping(pulled, 1, "full")}
    expected = {"pull_begin": 0.010, "pull_document": 0.003, "full_create": 0.5, "full_start": 0.5, "full_tail": 0.3}
    assert found == {name: pytest.approx(seconds) for name, seconds in expected.items()}


def test_unpacking_starts_some_time_after_the_last_byte():
    layer = request(100.022, 100.700, f"/v2/i/blobs/{LAYER}")
    pulled = run([*DOCUMENTS, layer], [LoggedSpan("unpack", LAYER, 100.72, 100.9)])
    unpack, commit = unpacking(pulled, Group(60, 1000), LayerBlob(LAYER, "d", 500, 64_000))
    assert (unpack.bytes, unpack.packed, unpack.seconds) == (64_000, 500, pytest.approx(0.18))
    assert unpack.files == 60 + 2 + len(DEEP.split("/")) + 1 == entries(Group(60, 1000))  # two folders of 50 at most
    assert (commit.bytes, commit.seconds) == (500, pytest.approx(0.02))


def test_reading_an_index_ends_when_the_layer_is_resolved():
    toc = request(100.03, 100.04, f"/v2/i/blobs/{LAYER}", byte_range="bytes=50-99")
    later = request(100.2, 100.21, f"/v2/i/blobs/{LAYER}", byte_range="bytes=0-49")
    pulled = run([*DOCUMENTS, toc, later], [LoggedSpan("resolve", LAYER, 100.021, 100.09)])
    read, tail = reading_index(pulled, Group(10, 64), 4000)
    assert (read.measure, read.bytes, read.seconds) == ("toc", 4000, pytest.approx(0.05))
    assert (tail.measure, tail.seconds) == ("resolved_tail", pytest.approx(0.91))


def test_mounting_is_what_passes_once_the_last_layer_is_resolved():
    resolves = [LoggedSpan("resolve", f"sha256:{number}", 100.02, 100.1 + number / 10) for number in range(3)]
    pulled = run(DOCUMENTS, [*resolves, LoggedSpan("prefetch", "sha256:0", 100.1, 102.0)])
    tail = mounting(pulled)
    assert (tail.measure, tail.files, tail.seconds) == ("busy_tail", 3, pytest.approx(0.7))

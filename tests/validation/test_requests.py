"""Logs against logs: the difference is a count one can see in the fake's requests."""

from collections import Counter

import pyarrow.compute as pc
import pytest

from sim.catalog.workloads import catalog_folder, names
from sim.core.trace import read_trace
from sim.validation.compare import compare
from sim.validation.requests import SERIAL_WORKLOADS, difference, judge
from tests.validation.fake import WINDOW_BYTES, write

A, B, C = (0.1, [[0, 9]], 100), (0.2, [[10, 19]], 100), (0.3, [[20, 29], [40, 49]], 100)


def rows_of(tmp_path, real, model, *, workload="numpy", strategy="lazy"):
    for number, log in enumerate(real):
        write(tmp_path, workload, strategy, "real", [1.0], first=number, requests=log)
    write(tmp_path, workload, strategy, "model", [1.0], requests=model)
    return compare(tmp_path).requests[0]


def test_difference_counts_multisets():
    one, other = Counter({"a": 2, "b": 1}), Counter({"a": 1, "c": 1})
    assert difference(one, other) == (2, 1)
    assert difference(one, one) == (0, 0)


def test_a_serial_workload_must_ask_the_same_in_any_order(tmp_path):
    row = rows_of(tmp_path, [(A, B, C), (A, B, C)], (A, C, B))
    assert (row.rule, row.verdict, row.model_max) == ("equal", "right", 0)
    assert (row.requests_measured, row.requests_simulated, row.bytes_verdict) == (3, 3, "right")


def test_one_request_more_is_wrong_for_a_serial_workload(tmp_path):
    row = rows_of(tmp_path, [(A, B), (A, B)], (A, B, C))
    assert (row.verdict, row.model_median, row.missing, row.extra) == ("wrong", 1, 0, 1)
    assert row.log_error == pytest.approx(0.5)
    assert row.bytes_verdict == "wrong"


def test_a_parallel_workload_may_differ_as_real_runs_do(tmp_path):
    row = rows_of(tmp_path, [(A, B), (A, C)], (B, C), workload="tensorflow")
    assert (row.real_max, row.model_max, row.verdict) == (1, 1, "right")


def test_requests_after_ready_are_not_compared(tmp_path):
    late, under_way = (1.5, [[60, 69]], 1000), (0.99, [[70, 79]], 1000)
    row = rows_of(tmp_path, [(A, B)], (A, B, late, under_way))
    assert (row.verdict, row.log_error) == ("right", 0)


def test_background_has_no_verdict_but_a_full_pull_has(tmp_path):
    assert rows_of(tmp_path / "b", [(A,)], (B,), strategy="background").verdict == "reported only"
    assert rows_of(tmp_path / "f", [(A,)], (B,), strategy="full", workload="tensorflow").verdict == "wrong"


def test_one_real_run_of_a_parallel_workload_decides_nothing():
    assert judge("not farther than real runs from each other", [0], []) == "undecided"


def test_serial_workloads_are_those_whose_threads_never_read_at_once():
    found = {name for name in names() if not _overlaps(read_trace(catalog_folder() / name / "cold-5ms.trace"))}
    assert found == SERIAL_WORKLOADS


def _overlaps(trace):
    """Whether a read of the layers begins before one of another thread has ended, until ready."""
    table = trace.operations
    reads = table.filter(
        pc.and_(pc.equal(table["kind"], "read"), pc.and_(pc.greater_equal(table["layer"], 0), _before(trace)))
    )
    until, reader = 0, None
    for thread, start, end in zip(*(reads[name].to_pylist() for name in ("thread", "start_ns", "end_ns")), strict=True):
        if start < until and thread != reader:
            return True
        if end > until:
            until, reader = end, thread
    return False


def _before(trace):
    return pc.less_equal(trace.operations["start_ns"], trace.ready_ns)


def test_an_answer_given_up_counts_with_what_the_registrys_socket_had_taken(tmp_path):
    cut, socket_full = (0.1, [[0, 999]], 80), (0.1, [[0, 999]], 100)  # the log counts what was handed to the kernel
    row = rows_of(tmp_path, [(socket_full,), (socket_full,)], (cut,))
    assert (row.log_measured_bytes, row.log_simulated_bytes) == (100, 80 + WINDOW_BYTES)
    almost = rows_of(tmp_path / "almost", [(socket_full,), (socket_full,)], ((0.1, [[0, 99]], 95),))
    assert almost.log_simulated_bytes == 100  # no more than was asked for
    refused = rows_of(tmp_path / "refused", [(A,), (A,)], (A, (0.2, [[0, 999]], 0)))
    assert refused.log_simulated_bytes == 100  # A's

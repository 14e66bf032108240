"""Prediction of another read delay, by arithmetic one can do in the head."""

import pytest

from sim.plan.delay import predict_ready_s
from tests.trace.made import made_trace, operation


def test_a_serial_reader_pays_the_difference_at_every_read():
    # 1 ms think, read 5 ms, 1 ms think, lookup 1 ms, read 5 ms, 2 ms think: 15 ms; at 20 ms a read 30 ms more
    operations = [operation("read", 1, 6), operation("lookup", 7, 8), operation("read", 8, 13)]
    trace = made_trace(operations, 15)
    assert predict_ready_s(trace, 0.005) == pytest.approx(0.015)
    assert predict_ready_s(trace, 0.020) == pytest.approx(0.045)
    assert predict_ready_s(trace, 0.0) == pytest.approx(0.005)


def test_parallel_reads_pay_it_once():
    # two reads side by side, the next begins after both, ready 1 ms after it
    operations = [operation("read", 0, 5), operation("read", 1, 6, thread=0), operation("read", 6, 11)]
    assert predict_ready_s(made_trace(operations, 12), 0.020) == pytest.approx((6 + 15 + 5 + 15 + 1) / 1000)


def test_a_read_never_lasts_less_than_nothing():
    operations = [operation("read", 0, 3)]
    assert predict_ready_s(made_trace(operations, 4), 0.0) == pytest.approx(0.001)


def test_a_trace_without_operations_lasts_as_recorded():
    assert predict_ready_s(made_trace([], 4), 0.020) == pytest.approx(0.004)

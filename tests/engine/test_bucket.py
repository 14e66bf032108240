"""Token bucket: bursts whose length one can compute by hand."""

import pytest
from simpy import Environment

from sim.engine.bucket import TokenBucket
from sim.engine.maxmin import MaxMin
from sim.engine.star import Star


@pytest.fixture(params=[MaxMin, Star])
def solver(request):
    return request.param(Environment())


def send_at(solver, seconds, amount, link, **limits):
    """Send later; returns the list that gets the end."""
    ended = []

    def start():
        yield solver.env.timeout(seconds)
        yield solver.send(amount, (link,), **limits).done
        ended.append(solver.env.now)

    solver.env.process(start())
    return ended


def bucket(solver, size=20):
    return TokenBucket(solver, rate_bytes_s=10, bucket_bytes=size, peak_bytes_s=110).link


def test_a_burst_then_the_rate(solver):
    link = bucket(solver)
    ended = send_at(solver, 0, 120, link)
    solver.env.run()
    assert ended == pytest.approx([10])  # 20 tokens last 20 / (110 − 10) = 0.2 s, in which 22 pass; 98 at 10


def test_what_fits_the_bucket_passes_at_the_peak(solver):
    link = bucket(solver)
    first, second = send_at(solver, 0, 11, link), send_at(solver, 100, 31, link)
    solver.env.run()
    assert first == pytest.approx([0.1])
    assert second == pytest.approx([101.1])  # full again and no more: 22 in 0.2 s, 9 at 10


def test_an_empty_bucket_fills_at_the_rate_while_idle(solver):
    link = bucket(solver)
    send_at(solver, 0, 120, link)
    ended = send_at(solver, 11, 21, link)
    solver.env.run()
    assert ended == pytest.approx([12.1])  # 10 tokens since 10 s: 0.1 s at 110 is 11; 10 more at 10


def test_a_slow_flow_leaves_tokens_for_a_burst(solver):
    link = bucket(solver)
    send_at(solver, 0, 100, link, cap=10)  # uses just what comes in
    ended = send_at(solver, 5, 20, link)  # its own 100 beside: 20 tokens last 0.2 s
    solver.env.run()
    assert ended == pytest.approx([5.2])


def test_an_outage_holds_the_link_and_fills_the_bucket(solver):
    shaped = TokenBucket(solver, rate_bytes_s=10, bucket_bytes=20, peak_bytes_s=110)
    ended = send_at(solver, 0, 54, shaped.link)
    solver.env.timeout(1.2).callbacks.append(lambda _event: shaped.hold())  # 22 in 0.2 s, 10 in 1 s
    solver.env.timeout(9).callbacks.append(lambda _event: shaped.let_go())
    solver.env.run()
    assert ended == pytest.approx([9.2])  # 22 left, and the bucket is full


def test_without_a_bucket_it_is_a_link(solver):
    ended = send_at(solver, 0, 120, bucket(solver, size=0))
    solver.env.run()
    assert ended == [12]


def test_a_peak_is_above_the_rate(solver):
    with pytest.raises(ValueError, match="peak"):
        TokenBucket(solver, rate_bytes_s=10, bucket_bytes=1, peak_bytes_s=float("inf"))

"""Daemon logs: lines as containerd 2.4 and stargz-snapshotter 0.19 write them, times counted by hand."""

import json

import pytest

from sim.testbed.daemon_logs import duration_s, lazy_steps, unpacks

FIRST, SECOND = "sha256:" + "a" * 64, "sha256:" + "b" * 64
NOON = 1_700_000_000  # 2023-11-14T22:13:20Z


def line(second: float, **fields: str) -> str:
    return json.dumps({"level": "debug", "time": f"2023-11-14T22:13:{20 + second:012.9f}Z", **fields})


@pytest.mark.parametrize(
    ("text", "seconds"), [("769.863314ms", 0.769863314), ("2.16653506s", 2.16653506), ("1m2.5s", 62.5), ("17µs", 17e-6)]
)
def test_go_durations(text, seconds):
    assert duration_s(text) == pytest.approx(seconds)


def test_an_unpacked_layer_is_a_span_that_ends_with_its_line():
    log = [
        'time="2023-11-14T22:13:21.500000000Z" level=debug msg=fetch digest="sha256:cc" size=1',
        f'time="2023-11-14T22:13:22.250000000Z" level=debug msg="diff applied" d=750ms digest="{FIRST}" media=x size=9',
    ]
    (span,) = unpacks(log)
    assert (span.kind, span.layer) == ("unpack", FIRST)
    assert (span.start, span.end) == pytest.approx((NOON + 1.5, NOON + 2.25))


def test_layers_are_resolved_side_by_side_and_mounted_in_order():
    key = "testbed/1/extract sha256:x"
    log = [
        line(0.0, msg="preparing filesystem mount at mountpoint=/m", key=key),
        line(0.1, msg="resolving", key=key, src=f"host/image:tag/{FIRST}"),
        line(0.2, msg="resolving", key=key, src=f"host/image:tag/{SECOND}"),
        line(0.5, msg="resolved", key=key, src=f"host/image:tag/{SECOND}"),
        line(0.6, msg="resolved", key=key, src=f"host/image:tag/{FIRST}"),
        line(0.7, msg="prepared remote snapshot", key=key),
    ]
    spans = {(span.kind, span.layer): (span.start - NOON, span.end - NOON) for span in lazy_steps(log)}
    assert spans[("resolve", FIRST)] == pytest.approx((0.1, 0.6), abs=1e-5)
    assert spans[("resolve", SECOND)] == pytest.approx((0.2, 0.5), abs=1e-5)
    assert spans[("mount", None)] == pytest.approx((0.0, 0.7), abs=1e-5)


def test_a_prefetch_says_how_long_it_took():
    (span,) = lazy_steps(
        [line(2.0, msg="value=659.5 milliseconds; prefetch_size=7 bytes", operation="prefetch_total", layer_sha=FIRST)]
    )
    assert (span.kind, span.layer) == ("prefetch", FIRST)
    assert (span.start - NOON, span.end - NOON) == pytest.approx((2.0 - 0.6595, 2.0), abs=1e-5)


def test_torn_lines_and_unfinished_work_are_passed_over():
    assert lazy_steps(['{"msg":"resolv', line(0.0, msg="resolving", src=f"x/{FIRST}"), "plain text"]) == []

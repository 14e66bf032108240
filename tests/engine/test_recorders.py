"""Span and request recorders, named streams, cores."""

import numpy as np
import pytest
from simpy import Environment

from sim.core.result import REQUESTS_SCHEMA, SPANS_SCHEMA
from sim.engine.cpu import Cpu
from sim.engine.spans import Requests, Spans
from sim.engine.streams import Streams


def test_spans_become_a_table():
    spans = Spans()
    spans.add("fetch", 0, 1.0, 2.5, layer=3, path="usr/bin/x", bytes=7, requests=1, waits_for="rate")
    row = spans.add("start", 1, 2.0, 3.0)
    spans.mark_critical(row)
    table = spans.table()
    table.validate(full=True)
    assert table.schema == SPANS_SCHEMA
    assert [tuple(one.values()) for one in table.to_pylist()] == [
        ("fetch", 0, 1.0, 2.5, 3, "usr/bin/x", 7, 1, "rate", False),
        ("start", 1, 2.0, 3.0, -1, None, 0, 0, None, True),
    ]


def test_requests_become_a_table():
    requests = Requests()
    requests.add(0, 0.0, 1.0, blob="sha256:1", ranges=[(0, 9), (20, 29)], bytes=20, status=206, cause="foreground")
    requests.add(0, 1.0, 2.0, blob="manifest", bytes=500, status=200, cause="manifest", connection=4)
    table = requests.table()
    table.validate(full=True)
    assert table.schema == REQUESTS_SCHEMA
    assert [tuple(one.values()) for one in table.to_pylist()] == [
        (0, 0.0, 1.0, "sha256:1", [[0, 9], [20, 29]], 20, 206, "foreground", -1),
        (0, 1.0, 2.0, "manifest", [], 500, 200, "manifest", 4),
    ]


@pytest.mark.parametrize("recorder", [Spans, Requests])
def test_nothing_recorded_is_an_empty_table(recorder):
    assert recorder().table().num_rows == len(recorder()) == 0


def test_streams_do_not_disturb_one_another():
    lone = Streams(7, 1).stream("registry").random(5)
    busy = Streams(7, 1)
    busy.stream("loss").random(1000)
    half = busy.stream("registry").random(2)
    busy.stream("other").random()
    assert np.array_equal(np.concatenate([half, busy.stream("registry").random(3)]), lone)


def test_streams_differ_by_name_replicate_and_seed():
    draws = {
        Streams(seed, replicate).stream(name).random() for seed in (1, 2) for replicate in (0, 1) for name in ("a", "b")
    }
    assert len(draws) == 8


def test_cores_are_shared_and_a_task_has_one_at_most():
    env = Environment()
    cpu = Cpu(env, cores=2)
    ends = {}
    for name, seconds in {"a": 1.0, "b": 2.0, "c": 3.0}.items():
        cpu.work(seconds).callbacks.append(lambda _event, name=name: ends.update({name: env.now}))
    env.run()
    # 2/3 of a core each until a is done at 1.5; then one each: b has 1 left, c 2
    assert ends == pytest.approx({"a": 1.5, "b": 2.5, "c": 3.5})
    assert cpu.used_s == 6


def test_a_stopped_task_tells_what_it_had():
    env = Environment()
    cpu = Cpu(env, cores=4)
    task = cpu.start(10.0)
    env.run(until=3)
    assert cpu.cancel(task) == cpu.used_s == 3

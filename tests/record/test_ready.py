"""Readiness rules: as text, and in a running container."""

import pytest

from sim.core.errors import BadInput, RunFailed
from sim.record.ready import Exit, Http, Mark, Tcp, holds_for_line, mark_in, parse_rule
from tests.record.rootfs import PYTHON_ENV, python_command, record, recording, shell, with_python

SERVER = """if True:
    import time, socket
    print("lazypull-mark before", flush=True)
    time.sleep(0.2)
    listener = socket.create_server(("0.0.0.0", 8080))
    while True:
        connection, _ = listener.accept()
        if connection.recv(100).startswith(b"GET /ok "):
            print("lazypull-mark answers", flush=True)
            time.sleep(0.2)  # a mark is stamped when it is read, which a busy machine may delay
            connection.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\n\\r\\n")
        connection.close()
"""


def test_rules_are_read():
    assert parse_rule("exit") == Exit()
    assert parse_rule("tcp:5432") == Tcp(5432)
    assert parse_rule("http:8080/a/b") == Http(8080, "/a/b")
    assert parse_rule("http:8080") == Http(8080, "/")
    assert parse_rule("mark:step 1") == Mark("step 1")


@pytest.mark.parametrize("text", ["", "exits", "tcp:", "tcp:0", "tcp:70000", "http:x/", "line:", "line:(", "mark:"])
def test_a_wrong_rule_is_refused_by_name(text):
    with pytest.raises(BadInput, match="readiness"):
        parse_rule(text)


def test_lines_and_marks():
    assert holds_for_line(parse_rule("line:ready to .*connections"), "LOG: ready to accept connections")
    assert not holds_for_line(parse_rule("line:^ready"), "not ready")
    assert mark_in("lazypull-mark step 3") == "step 3"
    assert mark_in("say lazypull-mark step 3") is None
    assert holds_for_line(Mark("step 3"), "lazypull-mark step 3")


@pytest.mark.root
@pytest.mark.parametrize("rule", ["tcp:8080", "http:8080/ok"])
def test_a_port_is_asked_within_the_container(lowers, rule):
    trace = record(recording(with_python(lowers), python_command(SERVER), env=PYTHON_ENV, readiness=rule))
    assert trace.mark_ns("before") < trace.ready_ns  # it listens 0.2 s after the mark
    assert ("answers" in trace.marks.column("name").to_pylist()) == rule.startswith("http")


@pytest.mark.root
def test_marks_are_kept_and_recording_goes_on_to_the_last_one(lowers):
    script = "echo lazypull-mark step 1; cat /data/f00 >/dev/null; echo lazypull-mark step 2; sleep 100"
    trace = shell(lowers, script, readiness="mark:step 1", last_mark="step 2")
    assert trace.ready_ns == trace.mark_ns("step 1") < trace.mark_ns("step 2")
    late = [row for row in trace.operations.to_pylist() if row["start_ns"] > trace.ready_ns]
    assert "data/f00" in [row["path"] for row in late]


@pytest.mark.root
def test_a_line_on_standard_error_counts(lowers):
    trace = shell(lowers, "echo started >&2; sleep 100", readiness="line:^started$")
    assert trace.ready_ns > 0


@pytest.mark.root
@pytest.mark.parametrize(
    ("script", "options", "words"),
    [
        ("echo why >&2; exit 3", {}, "status 3.*why"),
        ("exit 0", {"readiness": "line:never"}, "status 0 before 'line:never'"),
        ("sleep 100", {"readiness": "tcp:80", "timeout_s": 0.3}, "0.3 s"),
    ],
)
def test_what_never_gets_ready_fails_in_one_line(lowers, script, options, words):
    with pytest.raises(RunFailed, match=words) as raised:
        shell(lowers, script, **options)
    assert "\n" not in str(raised.value)


@pytest.mark.root
def test_a_command_that_is_not_there_is_named(lowers):
    with pytest.raises(RunFailed, match="'nosuch'"):
        record(recording(lowers, ["nosuch"]))

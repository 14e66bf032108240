"""What is drawn from a run that went wrong: counts, the lines that tell, and no name of this machine."""

from sim.testbed.fault_facts import Facts, asked, last_lines, scrubbed, telling_lines, updated
from sim.testbed.requests import Request

LOG = """\
time="2026-11-24T16:23:10Z" level=info msg="all is well"
time="2026-11-24T16:23:11Z" level=error msg="cannot read"
time="2026-11-24T16:23:12Z" level=warning msg="no space"
time="2026-11-24T16:23:13Z" level=error msg="cannot read"
panic: oh
"""


def request(*, uri="/v2/web/blobs/sha256:aa", asked_range="bytes=0-9", status=206, connection=1):
    return Request(
        ended=2.0, took=1.0, method="GET", uri=uri, range=asked_range, status=status, bytes=10, sent=20,
        connection=connection, nth=1, agent="client",
    )  # fmt: skip


def facts(name, status="failed"):
    none = asked([])
    return Facts(
        scenario=name, date="d", status=status, normal_s={"total_s": 1.0}, normal_asked=none, asked=none, ended_s=2.0
    )


def test_requests_are_counted_by_status_and_those_asked_again():
    found = asked(
        [
            request(),
            request(connection=2),
            request(asked_range="bytes=10-19"),
            request(status=502),
            request(uri="/v2/", status=200),
        ]
    )
    assert (found.answered, found.again, found.connections, found.bytes) == ({"206": 3, "502": 1}, 2, 2, 40)


def test_of_a_log_the_last_different_lines_of_trouble_are_kept():
    assert telling_lines(LOG, most=3) == ['level=warning msg="no space"', 'level=error msg="cannot read"', "panic: oh"]
    assert telling_lines(LOG, most=1) == ["panic: oh"]
    assert last_lines("a\n\n b \nc\n", most=2) == ["b", "c"]


def test_lines_of_trouble_are_found_in_a_log_of_json():
    log = '{"level":"debug","msg":"fine"}\n{"error":"gone","level":"error","msg":"no","time":"2026-11-24T16:23:13Z"}\n'
    assert telling_lines(log) == ['{"error":"gone","level":"error","msg":"no"}']


def test_of_a_long_line_its_begin_and_its_end_are_kept():
    (line,) = last_lines("begin " + "x" * 1000 + " cause")
    assert line.startswith("begin ")
    assert line.endswith(" cause")
    assert len(line) < 400


def test_texts_lose_paths_addresses_and_the_command():
    text = (
        "`lazypull-client -image 198.18.0.2:5000/web` failed: lazypull-client: /x/node/f: sha256:" + "0123456789ab" * 5
    )
    assert scrubbed(text + "0123", {"/x": "TESTBED"}) == "the client: TESTBED/node/f: sha256:0123456789ab…"


def test_a_record_keeps_what_was_not_tried_again():
    first = updated(None, {"cores": 1}, [facts("a"), facts("b")])
    second = updated(first, {"cores": 2}, [facts("b", "ready")])
    assert [(entry.scenario, entry.status) for entry in second.faults] == [("a", "failed"), ("b", "ready")]
    assert second.machine == {"cores": 2}

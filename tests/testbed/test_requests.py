"""Reading the registry's log, and telling a lazy run from one that fell back."""

import json

import pytest

from sim.core.errors import RunFailed
from sim.testbed.cold_run import Instants, Measured, prove_lazy, repository
from sim.testbed.registry import LOG_FIELDS
from sim.testbed.requests import Request, layer_ranges, parse_log, whole_blobs

LAYER = "sha256:" + "7a" * 32


def line(**changed):
    fields = {
        "ended": 100.5, "took": 0.5, "head": "0.002", "method": "GET",
        "uri": f"/v2/numpy/blobs/{LAYER}", "range": "bytes=0-1", "status": 206, "bytes": 2, "sent": 300,
        "connection": 9, "nth": 1, "agent": "Go-http-client/1.1",
    }  # fmt: skip
    assert set(fields) == set(LOG_FIELDS)
    return json.dumps({**fields, **changed}).encode() + b"\n"


def parsed(**changed) -> Request:
    return parse_log([line(**changed)])[0]


def test_a_line_as_nginx_writes_it():
    request = parsed()
    assert (request.started, request.blob, request.ranges) == (100.0, LAYER, [(0, 1)])


def test_several_ranges_in_one_request():
    assert parsed(range="bytes=0-49999,100000-149999").ranges == [(0, 49_999), (100_000, 149_999)]


@pytest.mark.parametrize("text", ["", "bytes=-500", "bytes=7-", "junk"])
def test_what_no_client_of_ours_sends_is_no_range(text):
    assert parsed(range=text).ranges == []


def test_manifests_are_no_blobs():
    assert parsed(uri="/v2/numpy/manifests/estargz").blob is None


def run(requests, *, mounts):
    return Measured(Instants(0, 1, 2, 3, 4, 0), requests, mounts, [], {})


def test_a_lazy_run_has_mounts_and_ranges():
    prove_lazy(run([parsed()], mounts=3), lazy=True)


@pytest.mark.parametrize(
    ("requests", "mounts"),
    [
        ([{"range": "", "status": 200}], 0),  # fell back to a full pull
        ([{}], 0),  # probed the layer, but did not mount it
        ([{}, {"range": "", "status": 200}], 3),  # mounted it, and fetched it as a whole too
        ([], 3),  # the image was there already
    ],
)
def test_a_run_that_was_not_lazy_is_no_measurement(requests, mounts):
    with pytest.raises(RunFailed, match="should have been lazy"):
        prove_lazy(run([parsed(**changed) for changed in requests], mounts=mounts), lazy=True)


def test_a_full_pull_asks_for_whole_blobs():
    whole = parsed(range="", status=200)
    prove_lazy(run([whole], mounts=0), lazy=False)
    with pytest.raises(RunFailed, match="should have been a full pull"):
        prove_lazy(run([parsed()], mounts=0), lazy=False)
    assert whole_blobs([whole], [LAYER]) == [whole]
    assert layer_ranges([whole]) == []


def test_phases_add_up():
    measured = Measured(Instants(10.0, 10.5, 10.6, 10.8, 12.0, 0), [], 0, [], {})
    phases = measured.phases_s()
    total = phases.pop("total_s")
    assert total == pytest.approx(2.0)
    assert sum(phases.values()) == pytest.approx(total)


def test_the_repository_of_a_reference_with_a_port():
    assert repository("198.18.0.2:5000/numpy:estargz") == "numpy"

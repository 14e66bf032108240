"""What the registry client does when a blob is elsewhere, comes in pieces, too short, too long or wrong."""

import random
import tracemalloc

import pytest

from sim.core.errors import BadBlob, BadInput, RunFailed
from sim.oci import open_image
from sim.testing.image_source import descriptor, refused
from sim.testing.sample_image import OCI, digest_of
from tests.oci.fake_image import ACCESS, IMAGE, LAYER
from tests.oci.fake_registry import broken_body, fake_registry, only_whole, reset, status


def test_a_redirect_is_followed_without_the_login_and_kept(fake, blob):
    with fake_registry() as storage:
        storage.blobs = fake.blobs
        fake.faults["GET blob"] = [
            status(401, WWW_Authenticate='Basic realm="x"'),
            status(307, Location=f"http://{storage.host}/storage/{digest_of(LAYER)}?signature=s1gned"),
        ]
        assert blob.read_at(10, 5) == LAYER[10:15]
        assert blob.read_at(20, 5) == LAYER[20:25]
        assert [("Authorization" in headers) for headers in fake.asked("GET", "blob")] == [False, True]
        assert [("Authorization" in headers) for headers in storage.asked("GET", "storage")] == [False, False]
        assert [headers["Range"] for headers in storage.asked("GET", "storage")] == ["bytes=10-14", "bytes=20-24"]


@pytest.mark.parametrize("faults", [[status(403)], [status(404)], [status(503)], [reset, reset]])
def test_a_redirect_that_fails_is_asked_for_anew(fake, blob, faults):
    there = status(302, Location=f"/storage/{digest_of(LAYER)}")
    fake.faults["GET blob"] = [there, there]
    assert blob.read_at(10, 5) == LAYER[10:15]
    fake.faults["GET storage"] = list(faults)  # after a reset, a kept connection is tried once more on a fresh one
    assert blob.read_at(20, 5) == LAYER[20:25]
    assert len(fake.asked("GET", "blob")) == 2


def test_redirects_in_a_circle_end(fake, blob):
    there = status(302, Location=f"/v2/a/blobs/{digest_of(LAYER)}")
    fake.faults["GET blob"] = [there] * 50
    assert "redirects" in str(refused(lambda: blob.read_at(0, 5), BadInput))


@pytest.mark.parametrize(
    "location",
    [
        "ftp://there/x",
        "file:///etc/passwd",
        "http://user:pw@there/",
        "http://[",
        "",
        "http://a..b/",
        "http://ex\u00e4mple/",
    ],
)
def test_a_redirect_to_no_http_address_is_refused(fake, blob, location):
    fake.faults["GET blob"] = [status(302, Location=location)]
    assert "operator" in str(refused(lambda: blob.read_at(0, 5), BadInput))


def test_a_signature_in_an_address_is_not_printed(fake, blob):
    there = status(302, Location=f"/storage/{digest_of(b'nothing')}?signature=s1gned")
    fake.faults["GET blob"] = [there] * 2
    assert "s1gned" not in str(refused(lambda: blob.read_at(0, 5), BadInput))


def test_a_registry_without_ranges_is_asked_for_the_blob_once(fake, blob):
    fake.faults["GET blob"] = [only_whole] * 9
    for offset, length in [(1000, 20), (5, 1), (0, len(LAYER)), (len(LAYER) - 1, 1)]:
        assert blob.read_at(offset, length) == LAYER[offset : offset + length]
    assert len(fake.asked("GET", "blob")) == 2  # the range that was not honoured, and the whole


def test_a_large_blob_without_ranges_does_not_go_through_memory(fake):
    data = random.Random(0).randbytes(24 << 20)
    fake.publish(IMAGE)
    fake.faults["GET blob"] = [only_whole] * 9
    fake.add(data)
    with (
        open_image(f"{fake.host}/a", access=ACCESS) as opened,
        opened.blob(descriptor(f"{OCI}layer.v1.tar", data)) as blob,
    ):
        tracemalloc.start()
        try:
            assert blob.read_at(20 << 20, 10) == data[20 << 20 : (20 << 20) + 10]
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 12 << 20  # client and server together, in one process


@pytest.mark.parametrize("sent", [0, 1, 5000])
def test_a_short_body_goes_on_where_it_broke(fake, opened, tmp_path, sent):
    fake.faults["GET blob"] = [broken_body(sent), broken_body(sent)]
    opened.fetch(opened.layers[0], tmp_path / "fetched")
    assert (tmp_path / "fetched").read_bytes() == LAYER
    ranges = [headers.get("Range") for headers in fake.asked("GET", "blob")]
    first = f"bytes={sent}-" if sent else None
    assert ranges[0] is None
    assert ranges[1] == (f"{first}{len(LAYER) - 1}" if first else None)
    assert len(ranges) == 3


def test_a_body_that_never_comes_whole_ends_and_leaves_no_file(fake, opened, tmp_path):
    fake.faults["GET blob"] = [broken_body(10)] * 50
    error = refused(lambda: opened.fetch(opened.layers[0], tmp_path / "fetched"), RunFailed)
    assert "4 attempts" in str(error)
    assert list(tmp_path.iterdir()) == []
    assert len(fake.asked("GET", "blob")) == 4


@pytest.mark.parametrize(
    ("number", "headers"),
    [
        (416, {}),
        (206, {}),
        (206, {"Content_Range": f"bytes 0-4/{len(LAYER)}"}),
        (206, {"Content_Range": f"bytes 100-200/{len(LAYER)}"}),
        (206, {"Content_Range": "bytes 100-104/77"}),
        (206, {"Content_Range": "bytes 100-104/" + "9" * 4000}),
        (206, {"Content_Type": "multipart/byteranges; boundary=x"}),
        (200, {}),
    ],
)
def test_bytes_that_were_not_asked_for_are_refused(fake, blob, number, headers):
    fake.faults["GET blob"] = [status(number, b"12345", **headers)] * 9
    refused(lambda: blob.read_at(100, 5), BadBlob)


def test_wrong_bytes_are_refused_and_leave_no_file(fake, opened, tmp_path):
    wrong = LAYER[:-1] + bytes([LAYER[-1] ^ 1])
    fake.faults["GET blob"] = [status(200, wrong)] * 2
    refused(lambda: opened.fetch(opened.layers[0], tmp_path / "fetched"), BadBlob)
    assert list(tmp_path.iterdir()) == []


def test_a_body_without_end_is_cut(fake, opened, tmp_path):
    def endless(handler):
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        while True:  # until the client has had enough
            handler.wfile.write(b"10000\r\n" + bytes(0x10000) + b"\r\n")

    fake.faults["GET blob"] = [endless] * 9
    refused(lambda: opened.fetch(opened.layers[0], tmp_path / "fetched"), BadBlob)
    assert list(tmp_path.iterdir()) == []

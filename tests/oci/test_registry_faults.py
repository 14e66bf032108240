"""What the registry client does when a registry, or the network before it, misbehaves."""

import itertools
import json
import random
import tracemalloc
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from sim.core.errors import BadBlob, BadInput, RunFailed
from sim.oci import Credentials, RegistryAccess, Retry, create_image, open_image
from sim.oci.auth import Authorizer, parse_challenges
from sim.oci.retry import Fault, Tries, retry_after_s
from sim.oci.wire import Wire
from sim.testing.image_source import descriptor, refused, written
from sim.testing.sample_image import OCI, digest_of, sample_image
from tests.oci.fake_registry import broken_body, broken_upload, fake_registry, only_whole, reset, status

LOGIN = Credentials(user="tester", password="s3cret-pass")
ACCESS = RegistryAccess(credentials=LOGIN, retry=Retry(attempts=4, first_wait_s=0.001, seed=1), timeout_s=5.0)
IMAGE = sample_image(sizes=(200_000,))
LAYER = IMAGE.layers[0]


@pytest.fixture
def fake():
    with fake_registry() as registry:
        yield registry


@pytest.fixture
def opened(fake):
    fake.publish(IMAGE)
    with open_image(f"{fake.host}/a", access=ACCESS) as image:
        yield image


@pytest.fixture
def blob(opened):
    with opened.blob(opened.layers[0]) as source:
        yield source


# Redirects


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


# Ranges


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


# Patience


@pytest.mark.parametrize("number", [408, 429, 500, 502, 503, 504])
def test_what_passes_by_itself_is_tried_again(fake, blob, number):
    fake.faults["GET blob"] = [status(number, Retry_After="0"), reset, status(number)]
    assert blob.read_at(0, 5) == LAYER[:5]


def test_attempts_are_counted(fake, blob):
    fake.faults["GET blob"] = [status(503)] * 50
    assert "4 attempts" in str(refused(lambda: blob.read_at(0, 5), RunFailed))
    assert len(fake.asked("GET", "blob")) == 4


def test_a_registry_that_asks_to_wait_an_hour_is_down(fake, blob):
    fake.faults["GET blob"] = [status(429, Retry_After="3600")]
    assert "3600 s" in str(refused(lambda: blob.read_at(0, 5), RunFailed))


def test_a_registry_that_is_not_there_is_named():
    access = RegistryAccess(retry=Retry(attempts=2, first_wait_s=0.001))
    error = str(refused(lambda: open_image("127.0.0.1:1/a", access=access), RunFailed))
    assert "127.0.0.1:1/v2/a/manifests/latest" in error
    assert "refused" in error


def test_waits_double_are_jittered_and_are_the_same_for_a_seed():
    policy = Retry(attempts=9, first_wait_s=1.0, longest_wait_s=8.0)

    def waits(seed):
        tries = Tries(policy, random.Random(seed))
        for tries._failed in range(1, 7):
            yield tries.wait_s(Fault("x"))

    draws = [list(waits(seed)) for seed in range(400)]
    assert list(waits(7)) == draws[7]
    for number, most in enumerate([1, 2, 4, 8, 8, 8]):
        column = [draw[number] for draw in draws]
        assert 0 <= min(column) < 0.1 * most  # 400 even draws miss the lowest tenth once in 10^18
        assert 0.9 * most < max(column) <= most


def test_retry_after_is_seconds_or_a_date():
    assert retry_after_s("7") == 7
    assert retry_after_s(None) is None
    assert retry_after_s("soon") is None
    assert retry_after_s("-1") is None
    assert retry_after_s("Fri, 31 Dec 1999 23:59:59 GMT") == 0
    in_an_hour = retry_after_s(format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True))
    assert 3500 < in_an_hour <= 3600


# Manifests


def test_a_manifest_over_four_megabytes_is_refused(fake):
    def giant(handler):
        handler.send_response(200)
        handler.send_header("Content-Type", IMAGE.manifest_type)
        handler.end_headers()
        for _ in itertools.count():
            handler.wfile.write(b" " * 65536)

    fake.faults["GET manifest"] = [giant]
    assert "4194304 bytes" in str(refused(lambda: open_image(f"{fake.host}/a", access=ACCESS), BadInput))


@pytest.mark.parametrize(
    ("media_type", "body", "says"),
    [
        ("application/vnd.docker.distribution.manifest.v1+prettyjws", b'{"schemaVersion": 1}', "schema 1"),
        ("application/vnd.docker.distribution.manifest.v1+json", b'{"schemaVersion": 1}', "schema 1"),
        (IMAGE.manifest_type, b'{"schemaVersion": 1, "fsLayers": []}', "schema 1"),
        ("text/html", b"<html>captive portal</html>", "not a manifest"),
        ("text/html", IMAGE.manifest, "text/html"),
        (IMAGE.manifest_type, b"", "not a manifest"),
        (IMAGE.manifest_type, b"null", "not a manifest"),
        (IMAGE.manifest_type, b"{}", "no config"),
        (IMAGE.manifest_type, b"[" * 100_000, "not a manifest"),
        (IMAGE.manifest_type, b"\xff\xfe", "not a manifest"),
        (f"{OCI}index.v1+json", IMAGE.manifest, "came as"),
        (IMAGE.manifest_type, IMAGE.manifest.replace(b'"layers"', b'"manifests": [], "layers"'), "ambiguous"),
        (IMAGE.manifest_type, IMAGE.manifest.replace(b'"size": ', b'"size": -'), "size of -"),
        (IMAGE.manifest_type, IMAGE.manifest.replace(b"sha256:", b"sha256:../"), "digest"),
        (IMAGE.manifest_type, IMAGE.manifest.replace(b"sha256:", b"md5:"), "digest"),
    ],
)
def test_what_is_no_manifest_is_refused(fake, media_type, body, says):
    fake.manifests["latest"] = (media_type, body)
    assert says in str(refused(lambda: open_image(f"{fake.host}/a", access=ACCESS), BadInput))


def test_a_manifest_that_is_not_the_digest_asked_for_is_refused(fake):
    fake.publish(IMAGE)
    wanted = digest_of(b"another")
    fake.manifests[wanted] = fake.manifests["latest"]
    refused(lambda: open_image(f"{fake.host}/a@{wanted}", access=ACCESS), BadBlob)
    fake.faults["GET manifest"] = [status(200, IMAGE.manifest, Docker_Content_Digest=wanted)]
    refused(lambda: open_image(f"{fake.host}/a", access=ACCESS), BadBlob)


def test_a_manifest_whose_body_breaks_off_is_read_again(fake):
    fake.publish(IMAGE)
    short = status(200, IMAGE.manifest[:40], Content_Length=str(len(IMAGE.manifest)), Connection="close")

    def cut(handler):
        short(handler)
        handler.close_connection = True

    fake.faults["GET manifest"] = [cut, cut]
    with open_image(f"{fake.host}/a", access=ACCESS) as opened:
        assert opened.document(opened.manifest) == IMAGE.manifest


def test_errors_of_the_registry_are_shown_by_their_code_only(fake):
    error = str(refused(lambda: open_image(f"{fake.host}/a:nowhere", access=ACCESS), BadInput))
    assert "MANIFEST_UNKNOWN" in error
    assert "here" not in error.replace("nowhere", "").replace("there", "")


# Logins


def test_a_token_is_renewed_before_it_runs_out(fake, blob):
    challenge = f'Bearer realm="http://{fake.host}/token",service="s"'
    tokens = iter(("one", "two", "three"))

    def give(lasts_s):
        return lambda handler: handler.answer(200, json.dumps({"token": next(tokens), "expires_in": lasts_s}).encode())

    fake.faults["GET token"] = [give(0), give(300)]
    fake.faults["GET blob"] = [status(401, WWW_Authenticate=challenge)]
    for _ in range(3):
        assert blob.read_at(0, 5) == LAYER[:5]
    sent = [headers.get("Authorization") for headers in fake.asked("GET", "blob")]
    assert sent == [None, "Bearer one", "Bearer two", "Bearer two"]


def test_a_token_that_is_refused_is_fetched_anew_once(fake, blob):
    refusal = status(401, WWW_Authenticate=f'Bearer realm="http://{fake.host}/token"')
    fake.faults["GET token"] = [status(200, b'{"access_token": "a"}')] * 9
    fake.faults["GET blob"] = [refusal] * 9
    error = str(refused(lambda: blob.read_at(0, 5), BadInput))
    assert "s3cret-pass" not in error
    assert len(fake.asked("GET", "token")) == 1


def test_a_token_server_that_stumbles_is_asked_again(fake, blob):
    fake.faults["GET token"] = [status(503), reset, status(200, b'{"token": "a"}')]
    fake.faults["GET blob"] = [status(401, WWW_Authenticate=f'bearer Realm="http://{fake.host}/token"')]
    assert blob.read_at(0, 5) == LAYER[:5]


@pytest.mark.parametrize(
    ("challenge", "says"),
    [
        ('Bearer realm="http://tokens.example.com/token"', "without TLS"),
        ('Bearer realm="file:///etc/passwd"', "no http address"),
        ("Bearer", "no http address"),
        ("Negotiate", "unknown here"),
        ("", "unknown here"),
    ],
)
def test_a_login_is_not_sent_where_it_should_not_go(challenge, says):
    access = RegistryAccess(credentials=LOGIN)
    login = Authorizer(Wire(access), access, "registry.example.com")

    def met():
        login.challenged([challenge], "repository:a:pull")
        login.headers("repository:a:pull")

    error = str(refused(met, BadInput))
    assert says in error
    assert "s3cret-pass" not in error


def test_challenges_are_read_as_rfc_9110_has_them():  # the first is its own example, 11.6.1
    header = 'Newauth realm="apps", type=1, title="Login to \\"apps\\"", Basic realm="simple"'
    assert parse_challenges([header]) == {
        "newauth": {"realm": "apps", "type": "1", "title": 'Login to "apps"'},
        "basic": {"realm": "simple"},
    }
    assert parse_challenges(['BEARER Realm = "r" ,scope="repository:a:pull,push"', "Basic"]) == {
        "bearer": {"realm": "r", "scope": "repository:a:pull,push"},
        "basic": {},
    }
    assert parse_challenges(["", ",,", "=x", "\0"]) == {}


# Uploads


def put_layer(sink, folder):
    sink.put_blob(descriptor(IMAGE.layer_type, LAYER), written(folder, LAYER))


def push(fake, folder):
    with create_image(f"{fake.host}/a:v1", access=ACCESS) as sink:
        put_layer(sink, folder)
        sink.put_document(IMAGE.config_type, IMAGE.config)
        sink.finish(sink.put_document(IMAGE.manifest_type, IMAGE.manifest))


@pytest.mark.parametrize("kept", [0, 1, 100_000])
def test_an_upload_goes_on_where_the_registry_says(fake, tmp_path, kept):
    fake.faults["PATCH upload"] = [broken_upload(kept)]
    push(fake, tmp_path)
    assert fake.blobs[digest_of(LAYER)] == LAYER
    ranges = [headers["Content-Range"] for headers in fake.asked("PATCH", "upload")]
    assert ranges[0] == f"0-{len(LAYER) - 1}"
    begun = len(fake.asked("POST", "upload"))  # layer and config, at least
    if kept == 1:  # 0-0 is said of one byte and of none; the wrong guess costs a fresh upload
        assert begun == 3
    else:
        assert ranges[1] == f"{kept}-{len(LAYER) - 1}"
        assert begun == 2
    assert fake.uploads == {}


def test_an_upload_that_the_registry_lost_begins_anew(fake, tmp_path):
    def lose(handler):
        handler.body()
        handler.registry.uploads.clear()
        handler.answer(404)

    fake.faults["PATCH upload"] = [lose]
    push(fake, tmp_path)
    assert fake.manifests["v1"][1] == IMAGE.manifest


def test_an_upload_whose_last_answer_was_lost_is_done(fake, tmp_path):
    def done_but_silent(handler):
        handler.registry.blobs[digest_of(LAYER)] = handler.registry.uploads.pop(handler.what.rpartition("/")[2])
        reset(handler)

    fake.faults["PUT upload"] = [done_but_silent]
    push(fake, tmp_path)
    assert len(fake.asked("POST", "upload")) == 2


@pytest.mark.parametrize("stage", ["POST upload", "PATCH upload", "PUT upload", "HEAD blob", "PUT manifest"])
def test_a_push_that_fails_shows_no_manifest(fake, tmp_path, stage):
    fake.faults[stage] = [status(503)] * 50
    refused(lambda: push(fake, tmp_path), RunFailed)
    assert fake.manifests == {}


def test_a_push_that_is_interrupted_shows_no_manifest_and_no_upload(fake, tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    fake.faults["PATCH upload"] = [status(503)]
    monkeypatch.setattr("sim.oci.retry.time.sleep", interrupted)
    with pytest.raises(KeyboardInterrupt):
        push(fake, tmp_path)
    assert fake.manifests == {}
    assert fake.uploads == {}


def test_a_blob_that_is_there_is_not_sent(fake, tmp_path):
    fake.add(LAYER)
    push(fake, tmp_path)
    assert len(fake.asked("POST", "upload")) == 1  # the config

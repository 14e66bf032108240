"""What the registry client does with answers that are no manifest, or not the one that was asked for."""

import itertools

import pytest

from sim.core.errors import BadBlob, BadInput
from sim.oci import open_image
from sim.testing.image_source import refused
from sim.testing.sample_image import OCI, digest_of
from tests.oci.fake_image import ACCESS, IMAGE
from tests.oci.fake_registry import status


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

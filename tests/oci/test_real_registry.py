"""The registry client against distribution itself: open, with TLS, with basic auth, with tokens it verifies."""

import shutil
import subprocess
import time

import pytest

from sim.core.errors import BadInput
from sim.oci import Credentials, RegistryAccess, Retry, create_image, open_image
from sim.oci.upload import CHUNK_BYTES
from sim.testing.image_sink import ImageSinkSuite
from sim.testing.image_source import ImageSourceSuite, descriptor, refused, written
from sim.testing.sample_image import OCI_INDEX_TYPE, digest_of, index_of, sample_image
from tests.oci.real_registry import (
    crypted,
    cutting_proxy,
    docker_config,
    make_certificate,
    push_plainly,
    running_registry,
)
from tests.oci.token_server import PASSWORD, USER, registry_auth, running_token_server

QUICK = Retry(attempts=3, first_wait_s=0.01, seed=1)


@pytest.fixture(autouse=True)
def _no_login_of_this_machine(tmp_path, monkeypatch):
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "no-docker-config"))


class InRegistry:
    @pytest.fixture(autouse=True)
    def _registry(self, open_registry, repository_names):
        self.host = open_registry
        self.repository = next(repository_names)
        self.name = f"{self.host}/{self.repository}"

    def open(self, platform="linux/amd64", *, tag=None):
        return open_image(f"docker://{self.name}:{tag or 'v1'}", platform=platform)


class TestRegistrySource(InRegistry, ImageSourceSuite):
    def publish(self, image):
        manifests = [("v1", image.manifest_type, image.manifest)]
        push_plainly(self.host, self.repository, (*image.layers, image.config), manifests)

    def publish_index(self, images):
        manifests = [(digest_of(image.manifest), image.manifest_type, image.manifest) for image in images.values()]
        blobs = [blob for image in images.values() for blob in (*image.layers, image.config)]
        push_plainly(self.host, self.repository, blobs, [*manifests, ("v1", OCI_INDEX_TYPE, index_of(images))])

    def test_a_digest_opens_the_same_image(self, image):
        self.publish(image)
        with open_image(f"{self.name}@{digest_of(image.manifest)}") as opened:
            assert opened.document(opened.config) == image.config


class TestRegistrySink(InRegistry, ImageSinkSuite):
    def create(self):
        return create_image(f"docker://{self.name}:v1")

    def leftovers(self):
        return []  # a registry shows nothing without a manifest

    def test_a_blob_of_several_chunks_arrives(self, tmp_path):
        image = sample_image(sizes=(2 * CHUNK_BYTES + 5,))
        with self.create() as sink:
            sink.finish(self.put(sink, image, tmp_path))
        with self.open() as opened:
            opened.fetch(opened.layers[0], tmp_path / "fetched")
        assert digest_of((tmp_path / "fetched").read_bytes()) == digest_of(image.layers[0])

    @pytest.mark.parametrize("after", [300_000, CHUNK_BYTES + 5_000_000])
    def test_a_connection_cut_during_an_upload_is_taken_up_again(self, tmp_path, after):
        image = sample_image(sizes=(2 * CHUNK_BYTES,))
        with cutting_proxy(self.host, after) as (proxy, carried):
            access = RegistryAccess(retry=Retry(attempts=5, first_wait_s=0.01, seed=2))
            with create_image(f"docker://{proxy}/{self.repository}:v1", access=access) as sink:
                sink.finish(self.put(sink, image, tmp_path))
        with self.open() as opened:
            opened.fetch(opened.layers[0], tmp_path / "fetched")
        assert (tmp_path / "fetched").read_bytes() == image.layers[0]
        assert len(carried) > 1  # it was cut, and
        assert sum(carried) < len(image.layers[0]) + CHUNK_BYTES + 1_000_000  # at most one chunk went twice

    def test_skopeo_copies_what_was_pushed(self, image, tmp_path):
        if shutil.which("skopeo") is None:
            pytest.skip("SKOPEO IS MISSING (apt-get install skopeo): no other program reads what was pushed")
        with self.create() as sink:
            sink.finish(self.put(sink, image, tmp_path))
        copy = ["skopeo", "copy", "--insecure-policy", "--src-tls-verify=false"]
        copy += [f"docker://{self.name}:v1", f"oci:{tmp_path}/copied:v1"]
        done = subprocess.run(copy, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        with open_image(f"oci:{tmp_path}/copied:v1") as opened:
            assert opened.document(opened.manifest) == image.manifest

    def test_a_name_by_digest_cannot_be_pushed_to(self):
        refused(lambda: create_image(f"{self.name}@{digest_of(b'')}"), BadInput)


def push_and_pull(name, access, folder):
    """Push a small image and read it back; the way of every test with a login."""
    image = sample_image(sizes=(70_000,))
    with create_image(name, access=access) as sink:
        sink.put_blob(descriptor(image.layer_type, image.layers[0]), written(folder, image.layers[0]))
        sink.put_document(image.config_type, image.config)
        sink.finish(sink.put_document(image.manifest_type, image.manifest))
    pull(name, access, image)


def pull(name, access, image=None):
    with open_image(name, access=access) as opened, opened.blob(opened.layers[0]) as blob:
        part = blob.read_at(100, 1000)
        assert image is None or part == image.layers[0][100:1100]


def test_tls_with_an_authority_of_ones_own(tmp_path):
    authority = make_certificate(tmp_path, name="authority")
    server = make_certificate(tmp_path, name="server", issuer=authority)
    with running_registry(tmp_path / "registry", tls=server) as host:
        push_and_pull(f"{host}/a", RegistryAccess(ca_file=authority.certificate, retry=QUICK), tmp_path)
        stranger = make_certificate(tmp_path / "other", name="authority")
        for access in (RegistryAccess(plain_http=False), RegistryAccess(ca_file=stranger.certificate)):
            assert "certificate not trusted" in str(refused(lambda: pull(f"{host}/a", access), BadInput))  # noqa: B023
        plainly = RegistryAccess(plain_http=True, retry=QUICK)
        refused(lambda: pull(f"{host}/a", plainly), BadInput)


def test_basic_auth_with_a_password_file(tmp_path):
    (tmp_path / "htpasswd").write_text(f"{USER}:{crypted(PASSWORD)}\n")
    auth = f"auth:\n  htpasswd:\n    realm: test\n    path: {tmp_path / 'htpasswd'}\n"
    with running_registry(tmp_path / "registry", auth=auth) as host:
        push_and_pull(f"{host}/a", RegistryAccess(credentials=Credentials(user=USER, password=PASSWORD)), tmp_path)
        file = docker_config(tmp_path / "config.json", host, USER, PASSWORD)
        pull(f"{host}/a", RegistryAccess(docker_config=file))
        wrong = RegistryAccess(credentials=Credentials(user=USER, password="not-it"))
        assert "not-it" not in str(refused(lambda: pull(f"{host}/a", wrong), BadInput))
        assert "wants a login" in str(refused(lambda: pull(f"{host}/a", RegistryAccess()), BadInput))


@pytest.fixture
def guarded(tmp_path):
    """A registry that verifies tokens, its token server, and an access with the right login."""
    signer = make_certificate(tmp_path, name="signer")
    with running_token_server(signer, {"open/to-both": ("pull", "push"), "only/to-read": ("pull",)}) as tokens:
        auth = registry_auth(tokens, signer.certificate)
        with running_registry(tmp_path / "registry", auth=auth) as host:
            yield host, tokens, RegistryAccess(credentials=Credentials(user=USER, password=PASSWORD), retry=QUICK)


def test_tokens_are_asked_for_by_scope_and_verified_by_the_registry(guarded, tmp_path):
    host, tokens, access = guarded
    push_and_pull(f"{host}/open/to-both", access, tmp_path)
    scope = "repository:open/to-both:"
    assert tokens.asked == [
        ([f"{scope}pull,push"], ["test-service"], True),
        ([f"{scope}pull"], ["test-service"], True),
    ]


def test_a_token_without_the_right_is_refused(guarded, tmp_path):
    host, _, access = guarded
    error = refused(lambda: push_and_pull(f"{host}/only/to-read", access, tmp_path), BadInput)
    assert PASSWORD not in str(error)
    nobody = RegistryAccess(retry=QUICK)
    refused(lambda: pull(f"{host}/open/to-both", nobody), BadInput)


def test_a_token_of_another_signer_is_refused(guarded, tmp_path):
    host, tokens, access = guarded
    push_and_pull(f"{host}/open/to-both", access, tmp_path)
    tokens.signer = make_certificate(tmp_path / "other", name="signer")
    refused(lambda: pull(f"{host}/open/to-both", access), BadInput)


def test_a_token_that_has_run_out_is_renewed(guarded, tmp_path):
    host, tokens, access = guarded
    push_and_pull(f"{host}/open/to-both", access, tmp_path)
    tokens.lasts_s = -58  # the registry gives 60 s of grace: good for another 2
    tokens.asked.clear()
    with open_image(f"{host}/open/to-both", access=access) as opened, opened.blob(opened.layers[0]) as blob:
        assert blob.read_at(0, 10)
        assert len(tokens.asked) == 1
        tokens.lasts_s = 300
        time.sleep(3.1)  # until the registry itself says no; the server had said it lasts 300 s
        assert blob.read_at(0, 10)
        assert len(tokens.asked) == 2


def test_a_token_that_had_run_out_when_given_is_not_asked_for_for_ever(guarded, tmp_path):
    host, tokens, access = guarded
    tokens.lasts_s = -61
    refused(lambda: pull(f"{host}/open/to-both", access), BadInput)
    assert len(tokens.asked) == 1


def test_a_wrong_password_is_told_from_no_password(guarded):
    host, _, _ = guarded
    wrong = RegistryAccess(credentials=Credentials(user=USER, password="not-it"))
    error = str(refused(lambda: pull(f"{host}/open/to-both", wrong), BadInput))
    assert "refused the login" in error
    assert "not-it" not in error

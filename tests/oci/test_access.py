"""Where logins come from, and what they never do."""

import base64
import json

import pytest

from sim.core.errors import BadInput
from sim.oci import Credentials, RegistryAccess
from sim.oci.access import is_loopback


def config(folder, document):
    file = folder / "config.json"
    file.write_text(json.dumps(document))
    return RegistryAccess(docker_config=file)


def login(user, password):
    return base64.b64encode(f"{user}:{password}".encode()).decode()


def test_docker_config_gives_the_login_of_a_host(tmp_path):
    access = config(
        tmp_path,
        {
            "auths": {
                "one.example.com:5000": {"auth": login("a", "b:c")},
                "https://two.example.com/v2/": {"username": "d", "password": "e"},
                "https://index.docker.io/v1/": {"auth": login("hub", "x")},
                "three.example.com": {"auth": login("0" * 8, ""), "identitytoken": "opaque"},
                "helped.example.com": {},
            },
            "credsStore": "secretservice",
            "HttpHeaders": {"User-Agent": "docker"},
        },
    )
    assert access.credentials_for("one.example.com:5000") == Credentials(user="a", password="b:c")
    assert access.credentials_for("one.example.com") is None
    assert access.credentials_for("two.example.com") == Credentials(user="d", password="e")
    for name in ("docker.io", "registry-1.docker.io", "index.docker.io"):
        assert access.credentials_for(name) == Credentials(user="hub", password="x")
    assert access.credentials_for("three.example.com").identity_token == "opaque"
    assert access.credentials_for("helped.example.com") is None


def test_docker_config_is_found_where_docker_looks(tmp_path, monkeypatch):
    config(tmp_path, {"auths": {"a.example.com": {"auth": login("u", "p")}}})
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    assert RegistryAccess().credentials_for("a.example.com") == Credentials(user="u", password="p")
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "nowhere"))
    assert RegistryAccess().credentials_for("a.example.com") is None


def test_a_login_that_is_passed_goes_before(tmp_path):
    access = RegistryAccess(credentials=Credentials(user="me", password="p"), docker_config=tmp_path / "nowhere")
    assert access.credentials_for("a.example.com").user == "me"


@pytest.mark.parametrize("text", ["{", "[]", '{"auths": {"a": {"auth": "s3cret!"}}}', '{"auths": {"a": {"auth": 5}}}'])
def test_a_damaged_docker_config_is_named_without_what_is_in_it(tmp_path, text):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(BadInput, match=r"config\.json") as caught:
        RegistryAccess(docker_config=tmp_path / "config.json").credentials_for("a")
    assert "s3cret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_secrets_are_not_in_what_prints():
    shown = repr(RegistryAccess(credentials=Credentials(user="me", password="s3cret", identity_token="t0ken")))
    assert "s3cret" not in shown
    assert "t0ken" not in shown


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("localhost", True),
        ("localhost:5000", True),
        ("a.localhost:5000", True),
        ("127.0.0.1", True),
        ("127.9.9.9:80", True),
        ("[::1]:5000", True),
        ("[::1]", True),
        ("example.com", False),
        ("localhost.example.com", False),
        ("127.0.0.1.example.com:5000", False),
        ("10.0.0.1:5000", False),
        ("[2001:db8::1]:5000", False),
    ],
)
def test_plain_http_is_for_loopback_or_when_asked(tmp_path, host, loopback):
    assert is_loopback(host) == loopback
    assert RegistryAccess().scheme(host) == ("http" if loopback else "https")
    assert RegistryAccess(ca_file=tmp_path).scheme(host) == "https"
    assert RegistryAccess(plain_http=True).scheme(host) == "http"
    assert RegistryAccess(plain_http=False).scheme(host) == "https"

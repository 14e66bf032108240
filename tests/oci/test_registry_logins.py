"""Tokens that run out or are refused, and where a login must not go."""

import json

import pytest

from sim.core.errors import BadInput
from sim.oci import RegistryAccess
from sim.oci.auth import Authorizer, parse_challenges
from sim.oci.wire import Wire
from sim.testing.image_source import refused
from tests.oci.fake_image import LAYER, LOGIN
from tests.oci.fake_registry import reset, status


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

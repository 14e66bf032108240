"""Who we are at a registry: Basic, or tokens by scope, fetched when asked for and renewed before they run out.

Sources: distribution, docs/content/spec/auth/{token,oauth,scope}.md; RFC 9110, 11 (challenges).
"""

import re
import threading
import time
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

import msgspec

from sim.core.errors import BadInput
from sim.oci.access import Credentials, RegistryAccess, is_loopback
from sim.oci.retry import RETRIED, Fault, retry_after_s
from sim.oci.urls import shown, split
from sim.oci.wire import Answer, Request, Wire

TOKEN_BYTES_MAX = 1 << 20  # containers/image, internal/iolimits: MaxAuthTokenBodySize
TOKEN_DEFAULT_S = 60.0  # auth/token.md: expires_in when absent
RENEW_BEFORE_S = 5.0  # for the request that carries it to arrive in time
CLIENT_ID = "lazypull"

_ITEM = re.compile(r'\s*,?\s*(?:([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))|([\w-]+)(?=\s|,|$))')


class _TokenAnswer(msgspec.Struct):
    token: str = ""
    access_token: str = ""
    expires_in: float = TOKEN_DEFAULT_S


def parse_challenges(headers: Sequence[str]) -> dict[str, dict[str, str]]:
    """Schemes in lower case, each with its parameters, of WWW-Authenticate headers; what cannot be read is left out."""
    found: dict[str, dict[str, str]] = {}
    for header in headers:
        current: dict[str, str] | None = None
        place = 0
        while match := _ITEM.match(header, place):
            place = match.end()
            key, quoted, bare, scheme = match.groups()
            if scheme:
                current = found.setdefault(scheme.lower(), {})
            elif current is not None:
                current[key.lower()] = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else bare
    return found


class Authorizer:
    """Authorization headers for one registry; threads may share it."""

    def __init__(self, wire: Wire, access: RegistryAccess, host: str) -> None:
        self._wire = wire
        self._host = host
        self._plain = access.scheme(host) == "http"
        self._credentials = access.credentials_for(host)
        self._lock = threading.Lock()
        self._basic = False
        self._bearer: dict[str, str] | None = None  # parameters of the challenge
        self._tokens: dict[str, tuple[str, float]] = {}  # by scope: token, and when on the monotonic clock to renew it

    def headers(self, scope: str) -> Mapping[str, str]:
        """What to send with a request; nothing before the registry has asked. Raises `Fault` or `BadInput`."""
        with self._lock:
            if self._basic and self._credentials:
                return {"Authorization": self._credentials.basic}
            if self._bearer is None:
                return {}
            token, renew_at_s = self._tokens.get(scope, ("", 0.0))
            if time.monotonic() >= renew_at_s:
                token, lasts_s = self._fetch(self._bearer, scope)
                self._tokens[scope] = token, time.monotonic() + lasts_s - min(RENEW_BEFORE_S, lasts_s / 2)
            return {"Authorization": f"Bearer {token}"}

    def challenged(self, headers: Sequence[str], scope: str) -> None:
        """Note what a 401 asked for; a token it refused is forgotten. Raises `BadInput` if it cannot be met."""
        challenges = parse_challenges(headers)
        with self._lock:
            self._tokens.pop(scope, None)
            if "bearer" in challenges:
                self._bearer = challenges["bearer"]
            elif "basic" in challenges and self._credentials and self._credentials.user:
                self._basic = True
            elif "basic" in challenges:
                raise BadInput(
                    f"{self._host}: wants a login; pass user and password, or run `docker login {self._host}`"
                    " (a credential helper of docker's is not asked)"
                )
            else:
                raise BadInput(f"{self._host}: wants a login of a kind unknown here; lazypull knows Basic and Bearer")

    def _fetch(self, challenge: Mapping[str, str], scope: str) -> tuple[str, float]:
        """A token and how many seconds it lasts."""
        realm = self._realm(challenge)
        with self._wire.send(self._token_request(realm, challenge, scope)) as answer:
            if answer.status in RETRIED:
                wait_s = retry_after_s(answer.header("Retry-After"))
                raise Fault(f"{shown(realm)}: answered {answer.status} when asked for a token", wait_s)
            if answer.status != 200:
                raise BadInput(self._refused(realm, answer.status))
            return _read_token(answer)

    def _realm(self, challenge: Mapping[str, str]) -> str:
        realm = challenge.get("realm", "")
        parts = split(realm)
        if parts.scheme == "http" and not (self._plain or is_loopback(parts.netloc)):
            raise BadInput(f"{self._host}: sends logins to {shown(realm)} without TLS; ask its operator to mend that")
        return realm

    def _token_request(self, realm: str, challenge: Mapping[str, str], scope: str) -> Request:
        scopes = [scope]
        asked = challenge.get("scope", "")
        if asked and asked.rpartition(":")[0] != scope.rpartition(":")[0]:
            scopes.append(asked)
        service = challenge.get("service", "")
        who = self._credentials
        if who is not None and who.identity_token:
            return _refresh_request(realm, service, scopes, who)
        query = [("service", service)] if service else []
        query += [("scope", each) for each in scopes]
        query += [("account", who.user)] if who else []
        joined = f"{realm}{'&' if '?' in realm else '?'}{urlencode(query)}"
        return Request(method="GET", url=joined, headers={"Authorization": who.basic} if who else {})

    def _refused(self, realm: str, status: int) -> str:
        if self._credentials is None:
            return (
                f"{self._host}: {shown(realm)} gives no token without a login (status {status}); pass user and password"
            )
        return f"{self._host}: {shown(realm)} refused the login (status {status}); check user, password and rights"


def _refresh_request(realm: str, service: str, scopes: Sequence[str], who: Credentials) -> Request:
    """OAuth, with the token that `docker login` keeps. Source: auth/oauth.md."""
    fields = {"grant_type": "refresh_token", "refresh_token": who.identity_token, "service": service}
    form = urlencode(fields | {"scope": " ".join(scopes), "client_id": CLIENT_ID}).encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return Request(method="POST", url=realm, headers=headers, body=lambda: [form], length=len(form))


def _read_token(answer: Answer) -> tuple[str, float]:
    try:
        read = msgspec.json.decode(answer.small(TOKEN_BYTES_MAX), type=_TokenAnswer)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise BadInput(f"{shown(answer.url)}: no token in its answer; ask the registry's operator") from None
    token = read.token or read.access_token
    if not re.fullmatch(r"[\x21-\x7e]+", token):
        raise BadInput(f"{shown(answer.url)}: no token in its answer; ask the registry's operator")
    return token, max(0.0, read.expires_in)

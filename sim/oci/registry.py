"""A registry's HTTP interface: requests with login, redirects and patience. Source: OCI distribution-spec v1.1."""

import random
import re
from collections.abc import Callable, Collection, Iterable, Mapping

import msgspec

from sim.core.errors import BadInput, LazypullError, RunFailed
from sim.oci.access import RegistryAccess
from sim.oci.auth import Authorizer
from sim.oci.reference import DEFAULT_DOMAIN, Reference
from sim.oci.retry import RETRIED, Fault, Tries, retry_after_s
from sim.oci.urls import join, shown, split
from sim.oci.wire import Answer, Request, Wire

DOCKER_HUB = "registry-1.docker.io"  # containerd, core/remotes/docker/registry.go: DefaultHost
REDIRECTS = (301, 302, 303, 307, 308)
REDIRECTS_MAX = 5
ERROR_BYTES_MAX = 1 << 16
PULL, PUSH = "pull", "pull,push"  # auth/scope.md: actions on a repository


class _Error(msgspec.Struct):
    code: str = ""


class _Errors(msgspec.Struct):
    errors: list[_Error] = []


class Registry:
    """One repository of one registry; threads may share it."""

    def __init__(self, reference: Reference, access: RegistryAccess, *, actions: str) -> None:
        host = DOCKER_HUB if reference.domain == DEFAULT_DOMAIN else reference.domain
        self.name = str(reference)
        self.root = f"{access.scheme(host)}://{host}/v2/{reference.path}"
        self._origin = split(self.root)[:2]
        self._scope = f"repository:{reference.path}:{actions}"
        self._retry = access.retry
        self._draws = random.Random(access.retry.seed)
        self._wire = Wire(access)
        self._auth = Authorizer(self._wire, access, host)

    def tries(self) -> Tries:
        """A fresh count of attempts."""
        return Tries(self._retry, self._draws)

    def ask(
        self,
        method: str,
        url: str,
        *,
        accept: Collection[int],
        headers: Mapping[str, str] | None = None,
        body: Callable[[], Iterable[bytes]] | None = None,
        length: int = 0,
        tries: Tries | None = None,
    ) -> Answer:
        """Send until there is an answer of an `accept`ed status. Raises `BadInput`, or `RunFailed` in the end.

        url: absolute, or from the repository on ("/manifests/…"). tries: what a caller counts over several requests.
        """
        request = Request(method=method, url=self.url(url), headers=headers or {}, body=body, length=length)
        tries = tries or self.tries()
        while True:
            try:
                answer = self.once(request)
            except Fault as met:
                tries.again(met)
                continue
            if answer.status in accept:
                return answer
            with answer:
                if answer.status not in RETRIED:
                    raise self.refusal(method, answer)
                fault = status_fault(method, answer)
            tries.again(fault)

    def once(self, request: Request) -> Answer:
        """Send once, log in if asked to, follow redirects of GET and HEAD. Raises `Fault` or `BadInput`."""
        refused = False
        url = request.url
        for _ in range(REDIRECTS_MAX + 2):
            ours = split(url)[:2] == self._origin
            login = self._auth.headers(self._scope) if ours else {}
            headers = {**request.headers, **login}
            answer = self._wire.send(
                Request(method=request.method, url=url, headers=headers, body=request.body, length=request.length)
            )
            if answer.status == 401 and ours and not refused:
                refused = True
                with answer:
                    self._auth.challenged(answer.headers("WWW-Authenticate"), self._scope)
            elif answer.status in REDIRECTS and request.method in ("GET", "HEAD"):
                with answer:
                    url = self.location(answer)
            else:
                return answer
        raise BadInput(
            f"{self.name}: over {REDIRECTS_MAX} redirects, last to {shown(url)}; ask the registry's operator"
        )

    def url(self, place: str) -> str:
        """An absolute URL."""
        return self.root + place if place.startswith("/") else place

    def location(self, answer: Answer) -> str:
        """Where an answer sends on to. Raises `BadInput`."""
        location = answer.header("Location")
        if not location:
            raise BadInput(
                f"{shown(answer.url)}: status {answer.status} without a Location; ask the registry's operator"
            )
        url = join(answer.url, location)
        if self._origin[0] == "https" and split(url).scheme == "http":
            raise BadInput(f"{self.name}: sends on to {shown(url)} without TLS; ask the registry's operator")
        return url

    def refusal(self, method: str, answer: Answer) -> LazypullError:
        """The error for a status that will not pass; of the body only the codes of distribution's errors are shown."""
        codes = _error_codes(answer)
        what = f"{self.name}: {method} {shown(answer.url)} answered {answer.status}{codes}"
        match answer.status:
            case 401 | 403:
                return BadInput(f"{what}; check user, password and rights")
            case 404:
                return BadInput(f"{what}: it is not there, or hidden from you; check name, tag and login")
            case status if status < 500:
                return BadInput(f"{what}; ask the registry's operator")
            case _:
                return RunFailed(f"{what}; try again later")

    def close(self) -> None:
        """Close the connections."""
        self._wire.close()


def status_fault(method: str, answer: Answer) -> Fault:
    """The fault of a status that may pass."""
    wait_s = retry_after_s(answer.header("Retry-After"))
    return Fault(f"{method} {shown(answer.url)} answered {answer.status}", wait_s)


def _error_codes(answer: Answer) -> str:
    try:
        errors = msgspec.json.decode(answer.small(ERROR_BYTES_MAX), type=_Errors).errors
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, Fault, BadInput):
        return ""
    codes = [error.code for error in errors[:3] if re.fullmatch(r"[A-Z_]{1,40}", error.code)]
    return f" ({', '.join(codes)})" if codes else ""

"""How to reach a registry: TLS, patience, and credentials, from the caller or from docker's config.json."""

import base64
import binascii
import ipaddress
import os
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from sim.core.errors import BadInput

DOCKER_HUB_KEYS = ("index.docker.io", "docker.io", "registry-1.docker.io")  # docker/cli, config/configfile: one account


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Who one is at a registry; `identity_token` instead of a password is what `docker login` keeps for OAuth."""

    user: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)

    @property
    def basic(self) -> str:
        """The value of an Authorization header."""
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """Patience: waits of up to first × 2ⁿ, drawn evenly ("full jitter"), until `attempts` in a row have failed.

    seed: of the draws; None draws anew in each process, so that many clients do not come back at once.
    """

    attempts: int = 6
    first_wait_s: float = 0.25
    longest_wait_s: float = 30.0
    seed: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryAccess:
    """How to speak to registries.

    credentials: before those of docker's config.json. docker_config: that file; None for where docker has it.
    plain_http: True without TLS, False with; None: TLS except to loopback, and there too if `ca_file` is given.
    ca_file: PEM of authorities to trust besides the system's. timeout_s: without a byte from the registry.
    """

    credentials: Credentials | None = None
    docker_config: Path | None = None
    plain_http: bool | None = None
    ca_file: Path | None = None
    timeout_s: float = 30.0
    retry: Retry = Retry()

    def scheme(self, host: str) -> str:
        """`http` or `https` for a host with or without port."""
        plain = self.plain_http
        if plain is None:
            plain = is_loopback(host) and self.ca_file is None
        return "http" if plain else "https"

    def credentials_for(self, host: str) -> Credentials | None:
        """Who to be at a host; None for nobody. Raises `BadInput` when docker's file is damaged."""
        return self.credentials or _from_docker_config(self.docker_config or _docker_config(), host)


def is_loopback(host: str) -> bool:
    """Whether a host, with or without port, is this machine by its very name."""
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() and not host.endswith("]") else host
    if name == "localhost" or name.endswith(".localhost"):  # RFC 6761
        return True
    try:
        return ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False


class _Auth(msgspec.Struct, rename={"identity_token": "identitytoken"}):
    auth: str = ""
    username: str = ""
    password: str = ""
    identity_token: str = ""


class _DockerConfig(msgspec.Struct):
    auths: dict[str, _Auth] = {}


def _docker_config() -> Path:
    return Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker") / "config.json"


def _from_docker_config(file: Path, host: str) -> Credentials | None:
    try:
        config = msgspec.json.decode(file.read_bytes(), type=_DockerConfig)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        raise BadInput(f"{file}: cannot be read as docker's config.json; mend it, or pass user and password") from None
    wanted = DOCKER_HUB_KEYS if host in DOCKER_HUB_KEYS else (host,)
    for key, auth in config.auths.items():
        if key.removeprefix("https://").removeprefix("http://").partition("/")[0] in wanted:
            return _credentials(auth, file, key)
    return None


def _credentials(auth: _Auth, file: Path, key: str) -> Credentials | None:
    user, password = auth.username, auth.password
    if auth.auth:
        try:
            user, _, password = base64.b64decode(auth.auth, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise BadInput(f"{file}: the entry of {key} is damaged; run `docker login {key}` again") from None
    if not (user or auth.identity_token):
        return None  # kept by a credential helper, which is a program of docker's
    return Credentials(user=user, password=password.rstrip("\0"), identity_token=auth.identity_token)

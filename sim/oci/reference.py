"""Image references as Docker and containerd parse them. Source: distribution/reference v0.6.0, normalize.go."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from sim.core.errors import BadInput

DEFAULT_DOMAIN = "docker.io"  # normalize.go: defaultDomain
LEGACY_DEFAULT_DOMAIN = "index.docker.io"  # normalize.go: legacyDefaultDomain, another spelling of the same
OFFICIAL_PREFIX = "library/"  # normalize.go: officialRepoPrefix
DEFAULT_TAG = "latest"  # normalize.go: defaultTag
PATH_CHARACTERS_MAX = 255  # reference.go: RepositoryNameTotalLengthMax; the domain does not count
HEX_DIGITS = {"sha256": 64, "sha384": 96, "sha512": 128}  # go-digest: registered algorithms, lower-case hex

_ALNUM = r"[a-z0-9]+"
_COMPONENT = rf"{_ALNUM}(?:(?:[._]|__|-+){_ALNUM})*"
_LABEL = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_HOST = rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
_TAG = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
_DIGEST = r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}"
_REFERENCE = re.compile(rf"({_HOST})/({_COMPONENT}(?:/{_COMPONENT})*)(?::({_TAG}))?(?:@({_DIGEST}))?")
_IDENTIFIER = re.compile(r"[a-f0-9]{64}")


@dataclass(frozen=True, slots=True)
class Reference:
    """A normalised reference: "ubuntu" has domain docker.io, path library/ubuntu, no tag and no digest."""

    domain: str
    path: str
    tag: str | None = None
    digest: str | None = None

    @property
    def name(self) -> str:
        """Domain and path, without tag or digest."""
        return f"{self.domain}/{self.path}"

    @property
    def wanted(self) -> str:
        """What to ask the registry for: the digest if there is one, else the tag, else "latest"."""
        return self.digest or self.tag or DEFAULT_TAG

    @property
    def tagged(self) -> str:
        """Name with a tag, as containerd calls an image: docker.io/library/ubuntu:latest."""
        return f"{self.name}:{self.tag or DEFAULT_TAG}"

    @property
    def familiar(self) -> str:
        """Name with a tag, as docker prints it: ubuntu:latest."""
        path = self.path.removeprefix(OFFICIAL_PREFIX) if self.domain == DEFAULT_DOMAIN else self.name
        return f"{path}:{self.tag or DEFAULT_TAG}"

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.name}{tag}{digest}"


def parse_reference(text: str) -> Reference:
    """Parse and normalise an image reference. Raises `BadInput` saying what is wrong with it."""
    if _IDENTIFIER.fullmatch(text):
        raise _bad(text, "is a bare image id, not a name; write NAME@sha256:… instead")
    domain, rest = _split_domain(text)
    match = _REFERENCE.fullmatch(f"{domain}/{rest}")
    if match is None:
        raise _bad(text, _why_not(rest))
    path, tag, digest = match[2], match[3], match[4]
    if len(path) > PATH_CHARACTERS_MAX:
        raise _bad(text[:60] + "…", f"has a repository name over {PATH_CHARACTERS_MAX} characters; shorten it")
    if digest is not None:
        try:
            check_digest(digest)
        except BadInput as error:
            raise _bad(text, f"has a bad digest: {error}") from None
    return Reference(match[1], path, tag, digest)


def is_same_name(name: str, others: Iterable[str]) -> bool:
    """Whether `name`, as it is or spelled in full, is among `others`: "busybox" is docker.io/library/busybox:latest."""
    return not _spellings(name).isdisjoint(spelling for other in others for spelling in _spellings(other))


def _spellings(name: str) -> set[str]:
    try:
        return {name, parse_reference(name).tagged}
    except BadInput:
        return {name}


def check_digest(digest: str) -> str:
    """Return `digest` if it is ALGORITHM:HEX of a known algorithm. Raises `BadInput`."""
    algorithm, _, encoded = digest.partition(":")
    digits = HEX_DIGITS.get(algorithm)
    if digits is None:
        raise BadInput(f"digest {digest[:80]!r}: unknown algorithm; use one of {', '.join(HEX_DIGITS)}")
    if re.fullmatch(rf"[a-f0-9]{{{digits}}}", encoded) is None:
        raise BadInput(f"digest {digest[:80]!r}: {algorithm} has {digits} lower-case hexadecimal digits; copy it whole")
    return digest


def _split_domain(text: str) -> tuple[str, str]:
    """What comes before the first slash is a domain only if it looks like one. Source: splitDockerDomain."""
    first, slash, rest = text.partition("/")
    if not slash:
        return DEFAULT_DOMAIN, OFFICIAL_PREFIX + text
    if first == LEGACY_DEFAULT_DOMAIN:
        domain = DEFAULT_DOMAIN
    elif first == "localhost" or "." in first or ":" in first or first.lower() != first:
        domain = first
    else:
        domain, rest = DEFAULT_DOMAIN, text
    if domain == DEFAULT_DOMAIN and "/" not in rest:
        rest = OFFICIAL_PREFIX + rest
    return domain, rest


def _why_not(rest: str) -> str:
    if not rest or rest == OFFICIAL_PREFIX:
        return "names no repository; write [HOST[:PORT]/]NAME[:TAG][@DIGEST]"
    path = rest.partition("@")[0].partition(":")[0]
    if path.lower() != path:
        return "has capitals in the repository name; write it in lower case"
    return "does not follow [HOST[:PORT]/]NAME[:TAG][@DIGEST]; correct it"


def _bad(text: str, why: str) -> BadInput:
    return BadInput(f"image reference {text!r} {why}")

"""Addresses that registries name: absolute, http or https, without a user in them, and shown without secrets."""

from urllib.parse import SplitResult, urljoin, urlsplit

from sim.core.errors import BadInput


def split(url: str) -> SplitResult:
    """The parts of an absolute http or https URL without a user in it. Raises `BadInput`."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc and parts.port != 0
    except ValueError:
        usable = False
    if not usable or any(not 32 < ord(letter) < 127 for letter in url):
        raise BadInput(
            f"a registry points to {url.partition('?')[0][:80]!r}, which is no http address; ask its operator"
        )
    return parts


def join(base: str, location: str) -> str:
    """Where a Location header points. Raises `BadInput`."""
    try:
        joined = urljoin(base, location)
    except ValueError:  # half an IPv6 address
        joined = location
    return split(joined).geturl()


def shown(url: str) -> str:
    """A URL for a message: without the query, which may hold a signature."""
    return url.partition("?")[0]

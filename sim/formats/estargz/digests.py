"""Digests as the TOC writes them ("sha256:" and 64 hex digits) to 32 bytes."""

from sim.core.errors import BadBlob

PREFIX = "sha256:"
TEXT_LENGTH = len(PREFIX) + 64


def parse_digests(texts: list[str], where: str, what: str) -> list[bytes | None]:
    """32 bytes for each digest, None for each empty text. Raises `BadBlob` naming the first malformed one."""
    return [parse_digest(text, where, what) if text else None for text in texts]


def parse_digest(text: str, where: str, what: str) -> bytes:
    """32 bytes of one digest. Raises `BadBlob`."""
    try:
        if len(text) == TEXT_LENGTH and text.startswith(PREFIX):
            raw = bytes.fromhex(text[len(PREFIX) :])
            if len(raw) == 32:
                return raw
    except ValueError:
        pass
    raise BadBlob(f"{where}: {what} digest {text[:80]!r} is not sha256 and 64 hex digits; rebuild the layer")

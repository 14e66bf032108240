"""Digests as the TOC writes them ("sha256:" and 64 hex digits) to 32 bytes."""

from sim.core.errors import BadBlob

PREFIX = "sha256:"
TEXT_LENGTH = len(PREFIX) + 64


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

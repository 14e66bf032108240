"""What tests of damaged and hostile input ask: one line of error, memory within bounds."""

import tracemalloc

import pytest

from sim.core.errors import BadBlob
from sim.formats.estargz import open_blob, verify


def peak_bytes(action):
    """Most Python memory at a time while it runs."""
    tracemalloc.start()
    try:
        action()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def refused(source, match, **options):
    """A lazy layer is refused, when it is opened or verified, in one line that begins with its name."""
    with pytest.raises(BadBlob, match=match) as caught:
        verify(open_blob(source, **options))
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(f"{source.name}: ")

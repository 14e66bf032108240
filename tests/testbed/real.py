"""Whether the real stack can be tried here, and a folder of its own for its state."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sim.core.errors import NotPossibleHere
from sim.testbed import binaries


def skip_unless_possible():
    """Skip, and say loudly what is missing."""
    if os.geteuid() != 0 or not all(Path(path).exists() for path in ("/dev/fuse", "/dev/net/tun")):
        pytest.skip("NOT ROOT, OR NO FUSE OR TUN: the real stack is not tested")
    try:
        for program in (*binaries.INSTALLED, *binaries.OWN):
            binaries.built().path(program)
        for tool in ("ip", "runc", "nginx"):
            binaries.system_tool(tool, tool)
    except NotPossibleHere as missing:
        pytest.skip(f"THE REAL STACK IS NOT TESTED: {missing}")


@contextmanager
def state_folder() -> Iterator[str]:
    """A folder for testbeds; a short path, since that of a socket has at most 104 characters."""
    with tempfile.TemporaryDirectory(prefix="lazypull-") as folder:
        yield folder

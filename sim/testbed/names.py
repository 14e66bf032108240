"""Everything one testbed is called, from its own name: so that two on one machine never collide."""

import ipaddress
import os
import re
import zlib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from sim.core.errors import BadInput, RunFailed

NAME = re.compile(r"[a-z0-9]{1,8}")  # with prefix and suffix a device name stays within the kernel's 15 characters
# Addresses for measuring networks (RFC 2544), which no host on the internet has; one /30 a testbed.
NETWORK = ipaddress.IPv4Network("198.18.0.0/16")
REGISTRY_PORT = 5000


@dataclass(frozen=True, slots=True)
class Names:
    """The names and the folder of one testbed."""

    name: str
    folder: Path

    @property
    def namespace(self) -> str:
        """The registry's network namespace; also containerd's namespace and thereby the cgroup."""
        return f"lazypull-{self.name}"

    @property
    def node_device(self) -> str:
        """The node's end of the link."""
        return f"lp-{self.name}-n"

    @property
    def registry_device(self) -> str:
        """The registry's end of the link."""
        return f"lp-{self.name}-r"


@dataclass(frozen=True, slots=True)
class Addresses:
    """The two ends of a testbed's link."""

    node: str
    registry: str

    @property
    def registry_host(self) -> str:
        """What image references begin with."""
        return f"{self.registry}:{REGISTRY_PORT}"


def states_folder() -> Path:
    """Where testbeds keep their state: on a disk, since images are unpacked there. $LAZYPULL_STATE moves it."""
    return Path(os.environ.get("LAZYPULL_STATE") or "/var/lib/lazypull")


def names(name: str) -> Names:
    """Check a testbed's name. Raises `BadInput` if it does not fit into a device name."""
    if not NAME.fullmatch(name):
        raise BadInput(f"testbed name {name!r}: use one to eight of a-z and 0-9")
    return Names(name, states_folder() / name)


def free_addresses(name: str, taken: Collection[str]) -> Addresses:
    """Two neighbouring addresses nobody on this machine has; the search starts at a place the name gives.

    taken: addresses in use. Raises `RunFailed` when all 16,384 pairs are.
    """
    pairs = NETWORK.num_addresses // 4
    start = zlib.crc32(name.encode()) % pairs
    for step in range(pairs):
        base = NETWORK.network_address + 4 * ((start + step) % pairs)
        pair = Addresses(str(base + 1), str(base + 2))
        if pair.node not in taken and pair.registry not in taken:
            return pair
    raise RunFailed(f"no free address pair in {NETWORK}; take a testbed down with `lazypull testbed down`")

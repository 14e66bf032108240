"""`testbed up`, `down` and `status`: the whole real stack on this machine, by name."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass

import msgspec

from sim.core.errors import BadInput, NotPossibleHere
from sim.testbed import binaries, kernel, leftovers, link, memory, node, process, registry, snapshotter
from sim.testbed.link import Shape
from sim.testbed.names import Addresses, Names, free_addresses, names, states_folder

DAEMONS = ("forwarder", "registry", "nginx", "node/stargz", "node/containerd")


@dataclass(frozen=True, slots=True)
class Status:
    """What of a testbed is there. `running`: by daemon."""

    name: str
    registry: str | None
    running: dict[str, bool]
    mounts: int

    @property
    def up(self) -> bool:
        """Whether everything runs."""
        return all(self.running.values())


def up(name: str, *, shape: Shape, settings: snapshotter.Settings) -> Addresses:
    """Start registry, link and a cold node. Whatever fails, nothing stays behind.

    Raises `NotPossibleHere` without root or a tool, `BadInput` when that testbed is already there.
    """
    check_root()
    here = names(name)
    programs = binaries.built()
    binaries.system_tool("ip", "iproute2")
    binaries.system_tool("runc", "runc")
    with _only_one():
        if here.folder.exists():
            raise BadInput(f"testbed {name!r} is there already; run `lazypull testbed down --name {name}` first")
        here.folder.mkdir(parents=True)
        addresses = free_addresses(name, link.local_addresses())
        (here.folder / "addresses.json").write_bytes(msgspec.json.encode(addresses))
        try:
            kernel.hold(states_folder())
            memory.touch()
            link.start(here, addresses, shape, programs)
            registry.start(here, addresses, programs)
            node.start(here, addresses, settings, programs)
        except BaseException:
            _remove(here)
            raise
    return addresses


def down(name: str) -> bool:
    """Stop and remove everything of a testbed, also after a kill. False if there was nothing. Needs root."""
    check_root()
    here = names(name)
    with _only_one():
        if not here.folder.exists():
            return False
        _remove(here)
    return True


def status(name: str) -> Status:
    """Which daemons of a testbed run."""
    here = names(name)
    found = addresses(here) if here.folder.exists() else None
    running = {}
    for path in DAEMONS:
        recorded = process.recorded(path.rpartition("/")[2], (here.folder / path).parent)
        running[path.rpartition("/")[2]] = recorded is not None and recorded.alive()
    mounts = leftovers.mounts_below(here.folder, leftovers.mountinfo())
    return Status(name, found.registry_host if found else None, running, len(mounts))


def addresses(here: Names) -> Addresses | None:
    """The addresses a testbed was given; None if it never came so far."""
    try:
        return msgspec.json.decode((here.folder / "addresses.json").read_bytes(), type=Addresses)
    except (OSError, msgspec.DecodeError):
        return None


def encode_status(found: Status) -> bytes:
    """The status as one JSON document."""
    return msgspec.json.encode({**asdict(found), "up": found.up})


def check_root() -> None:
    """Raise `NotPossibleHere` unless this process is root."""
    if os.geteuid() != 0:
        raise NotPossibleHere("the testbed makes network namespaces, mounts and containers; run it as root")


def _remove(here: Names) -> None:
    node.stop(here)
    registry.stop(here)
    link.stop(here)
    leftovers.unmount_below(here.folder)
    shutil.rmtree(here.folder)
    if not any(path.is_dir() for path in states_folder().iterdir()):  # the last one
        kernel.put_back(states_folder())


@contextmanager
def _only_one() -> Iterator[None]:
    """Hold the machine's testbed lock: two `up` at once must not choose the same addresses."""
    folder = states_folder()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield

"""What can go wrong on a testbed, each kind as what happens and how it is undone."""

import contextlib
import errno
import os
import re
import signal
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from sim.core.errors import RunFailed
from sim.testbed import leftovers, link, node, process, registry, snapshotter
from sim.testbed.binaries import Binaries
from sim.testbed.cold_run import Order
from sim.testbed.commands import run
from sim.testbed.names import REGISTRY_PORT, Addresses, Names


@dataclass(frozen=True, slots=True)
class Site:
    """A testbed that is up, and what is run on it."""

    here: Names
    addresses: Addresses
    order: Order
    programs: Binaries


class Fault(Protocol):
    """One kind of fault. Both return what was seen at once, one line; empty if nothing."""

    def happen(self, site: Site) -> str:
        """Make it go wrong."""

    def undo(self, site: Site) -> str:
        """Make it work again."""


@dataclass(frozen=True, slots=True)
class RegistryGone:
    """The registry and the nginx before it are killed; their machine stays, and refuses connections."""

    def happen(self, site: Site) -> str:
        """Kill both."""
        kill_registry(site.here)
        return ""

    def undo(self, site: Site) -> str:
        """Start both again on the same blobs."""
        registry.start(site.here, site.addresses, site.programs)
        return ""


@dataclass(frozen=True, slots=True)
class LinkCut:
    """The link carries nothing either way. What is seen is how long the registry's TCP then waits."""

    def happen(self, site: Site) -> str:
        """Lose every packet from now on, also what waits for the link; those beyond it arrive."""
        link.reshape(site.here, replace(site.order.shape, cut=True))
        return _time_out(site)

    def undo(self, site: Site) -> str:
        """Carry packets again."""
        link.reshape(site.here, site.order.shape)
        return _time_out(site)


@dataclass(frozen=True, slots=True)
class SnapshotterGone:
    """The snapshotter is killed with all the file systems it serves, and started again on what it had on disk."""

    def happen(self, site: Site) -> str:
        """Kill it and say what its mounts answer."""
        folder = node.place(site.here).folder
        process.kill("stargz", folder)
        return mount_answers(folder)

    def undo(self, site: Site) -> str:
        """Start it again and say what its mounts answer, or why it did not come up."""
        folder = node.place(site.here).folder
        try:
            snapshotter.start(folder, site.order.settings, site.addresses, site.programs)
        except RunFailed as failure:
            return str(failure)
        return mount_answers(folder)


def kill_registry(here: Names) -> None:
    """Kill whoever runs in the registry's namespace: nginx's workers outlive their killed master."""
    for pid in link.inside(here):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    for name in ("nginx", "registry"):
        process.kill(name, here.folder)


def _time_out(site: Site) -> str:
    """The longest retransmission time-out of the registry's connections now (man 8 ss, "rto")."""
    inside = ["ip", "netns", "exec", site.here.namespace]
    found = re.findall(r"\brto:(\d+)", run(*inside, "ss", "-tinH", "sport", "=", f":{REGISTRY_PORT}"))
    return f"TCP time-out of {max(map(int, found)) / 1e3:.1f} s" if found else "no connection"


def mount_answers(folder: Path) -> str:
    """How the FUSE mounts below a folder answer a listing of their top."""
    answers = Counter(_answer(point) for point in leftovers.lazy_mounts_below(folder))
    return ", ".join(f"{count} lazy mounts: {answer}" for answer, count in sorted(answers.items())) or "no lazy mounts"


def _answer(point: str) -> str:
    try:
        os.listdir(point)
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, str(error.errno))
    return "answer"

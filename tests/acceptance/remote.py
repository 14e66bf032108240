"""`ctr-remote`, the reference's command line, with a cold node of the testbed."""

import shutil
from dataclasses import dataclass

import pytest

from sim.testbed import commands, leftovers, node, registry
from sim.testbed.binaries import Binaries
from sim.testbed.names import Addresses, Names
from sim.testbed.requests import Request
from sim.testbed.snapshotter import Settings


@dataclass(frozen=True, slots=True)
class Stand:
    """A testbed that is up, and its programs."""

    here: Names
    addresses: Addresses
    programs: Binaries


@dataclass(frozen=True, slots=True)
class Pulled:
    """What a pull led to: FUSE mounts, and requests the registry answered."""

    mounts: int
    requests: list[Request]


def skip_without():
    """Skip, and say loudly, where it is not installed."""
    if shutil.which("ctr-remote") is None:
        pytest.skip("ctr-remote IS NOT INSTALLED (Debian: stargz-snapshotter), so what it accepts was NOT TESTED")


def lazy_pull(stand: Stand, image: str, *, prefetch: bool) -> Pulled:
    """Have an empty node pull an image through the snapshotter."""
    node.stop(stand.here)
    node.start(stand.here, stand.addresses, Settings(prefetch=prefetch), stand.programs)
    served = stand.here.folder / "registry"
    seen = registry.logged(served)
    _ctr_remote(stand, "images", "rpull", "--plain-http", "--snapshotter", "stargz", image)
    mounts = leftovers.lazy_mounts_below(node.place(stand.here).folder)
    return Pulled(len(mounts), registry.requests_since(served, seen))


def toc_digests(stand: Stand, image: str, layers: list[str], *, zstd: bool) -> list[str]:
    """The digest it finds in each layer's own TOC, the layers being fetched whole for it."""
    _ctr_remote(stand, "content", "fetch", "--plain-http", image)
    kind = ["--zstdchunked"] if zstd else []
    return [_ctr_remote(stand, "images", "get-toc-digest", *kind, layer).strip() for layer in layers]


def _ctr_remote(stand: Stand, *arguments: str) -> str:
    containerd = ("-a", str(node.place(stand.here).socket), "-n", stand.here.namespace)
    return commands.run("ctr-remote", *containerd, *arguments, at_most_s=300)

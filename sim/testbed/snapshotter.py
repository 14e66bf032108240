"""The stargz snapshotter of one testbed: its configuration as JSON, and its start."""

from dataclasses import dataclass
from pathlib import Path

import msgspec

from sim.testbed import process
from sim.testbed.binaries import Binaries
from sim.testbed.names import Addresses


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a strategy decides; everything else stays at the snapshotter's own default."""

    prefetch: bool = False  # fetch up to each layer's landmark
    background: bool = False  # fetch the rest when idle
    prefetch_wait_s: int = 10  # how long create waits for it; stargz-snapshotter fs/config/config.go
    region_size: int = 50_000  # bytes; "chunk_size" in its configuration


def render_config(settings: Settings, addresses: Addresses) -> bytes:
    """The snapshotter's configuration, JSON since our own main reads it.

    `direct` is what the published command sets by default: chunks go to the disk, not through an LRU in memory.
    The registry speaks plain HTTP, which must be said by a mirror of itself.
    """
    host = addresses.registry_host
    return msgspec.json.encode(
        {
            "noprefetch": not settings.prefetch,
            "prefetch_timeout_sec": settings.prefetch_wait_s,
            "no_background_fetch": not settings.background,
            "no_prometheus": True,
            "blob": {"chunk_size": settings.region_size},
            "directory_cache": {"direct": True},
            "resolver": {"host": {host: {"mirrors": [{"host": host, "insecure": True}]}}},
        }
    )


def socket(folder: Path) -> Path:
    """Where it listens for containerd."""
    return folder / "stargz.sock"


def start(folder: Path, settings: Settings, addresses: Addresses, binaries: Binaries) -> process.Running:
    """Start it with its root in the folder; before containerd, which looks for its socket only once."""
    folder.mkdir(parents=True, exist_ok=True)
    socket(folder).unlink(missing_ok=True)
    config = folder / "stargz.json"
    config.write_bytes(render_config(settings, addresses))
    command = [str(binaries.path("lazypull-snapshotter")), str(config), str(folder / "stargz"), str(socket(folder))]
    running = process.start("stargz", command, folder)
    process.wait_for(socket(folder), running, "stargz snapshotter")
    return running

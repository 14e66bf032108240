"""`Strategy`: how an image reaches a node, as a composition of parts one can read aloud."""

from dataclasses import dataclass
from typing import Literal

Format = Literal["gzip", "estargz", "estargz-landmark"]
Recording = Literal["local", "throttled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Containerd:
    """Download and unpack every layer first. Defaults: containerd plugins/transfer/plugin.go."""

    downloads: int = 3
    present_layers: int = 0  # lowest layers whose chain ID is already there


@dataclass(frozen=True, slots=True, kw_only=True)
class Stargz:
    """Mount every layer lazily. Default: stargz-snapshotter fs/config/config.go `[blob] chunk_size`."""

    region_size: int = 50_000  # bytes


@dataclass(frozen=True, slots=True)
class Stream:
    """The clairvoyant's single stream."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LandmarkPrefetch:
    """Fetch what lies before the landmark; create waits. Default: fs/config/config.go `prefetch_timeout_sec`."""

    wait_at_most_s: float = 10.0


@dataclass(frozen=True, slots=True)
class PerfectPrefetch:
    """What-if: the needed chunks are there as soon as the layers are mounted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackgroundFetch:
    """Fetch the rest in quiet times. Defaults: fs/config/config.go `max_concurrency`, service/service.go (5 s)."""

    quiet_s: float = 5.0
    max_concurrency: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Strategy:
    """format × client × prefetch × background.

    recording: which recording of a workload replays its operations: "local" was made at full speed and shows
    a start on an unpacked image, "throttled" with every read delayed, as lazy starts need (docs/model.md, "Replay").
    """

    name: str
    format: Format
    recording: Recording
    client: Containerd | Stargz | Stream
    prefetch: LandmarkPrefetch | PerfectPrefetch | None = None
    background: BackgroundFetch | None = None

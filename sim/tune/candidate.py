"""`Candidate`: one way to write an image as eStargz and to set the snapshotter that mounts it."""

from dataclasses import dataclass, fields, replace
from typing import Literal, NamedTuple

from sim.plan.layout_options import CHUNK_BYTES
from sim.strategy import Strategy, preset
from sim.strategy.strategy import LandmarkPrefetch, Stargz

Order = Literal["access", "size", "path"]

DEFAULT_REGION_BYTES = Stargz().region_size
DEFAULT_WAIT_S = LandmarkPrefetch().wait_at_most_s


class Written(NamedTuple):
    """The part of a candidate that the image's bytes depend on."""

    chunk_size_bytes: int
    min_chunk_size_bytes: int
    share: float
    order: Order


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """Options of the converter and settings of the snapshotter; the defaults are those of both.

    share: of the files the workload accesses, those accessed first, by number, that lie before the prefetch landmark;
    0: nothing does. order: how these are arranged: as first accessed, small ones first, or by path.
    region_size_bytes: the snapshotter's `[blob] chunk_size`.
    wait_at_most_s: its `prefetch_timeout_sec`; None: `noprefetch`.
    """

    chunk_size_bytes: int = CHUNK_BYTES
    min_chunk_size_bytes: int = 0
    share: float = 0.0
    order: Order = "access"
    region_size_bytes: int = DEFAULT_REGION_BYTES
    wait_at_most_s: float | None = None

    @property
    def written(self) -> Written:
        """Candidates with the same have the same image."""
        return Written(self.chunk_size_bytes, self.min_chunk_size_bytes, self.share, self.order)

    @property
    def changed(self) -> int:
        """How many settings differ from the default."""
        return sum(getattr(self, field.name) != field.default for field in fields(self))

    def plain(self) -> "Candidate":
        """Without settings that change nothing: with no file before the landmark there is no order and no prefetch."""
        return self if self.share > 0 else replace(self, order="access", wait_at_most_s=None)

    def strategy(self) -> Strategy:
        """The preset that the settings make of the snapshotter."""
        base = preset("lazy" if self.wait_at_most_s is None else "prefetch")
        client = Stargz(region_size=self.region_size_bytes)
        if self.wait_at_most_s is None:
            return replace(base, client=client)
        return replace(base, client=client, prefetch=LandmarkPrefetch(wait_at_most_s=self.wait_at_most_s))


DEFAULT = Candidate()  # converter and snapshotter as they come; the preset `lazy`
FULL_LANDMARK = Candidate(share=1.0, wait_at_most_s=DEFAULT_WAIT_S)  # `ctr-remote image optimize`; `prefetch`
BASELINES = {"default": DEFAULT, "full landmark": FULL_LANDMARK}

"""Where a stretch of waiting went: consecutive segments, each with the thing that was waited for."""

from sim.core.result import SHARE_KINDS

RATE, ROUND_TRIP, REGISTRY, UNPACK, INFLATE, FUSE, PREFETCH_WAIT, APPLICATION = range(len(SHARE_KINDS))


class Timeline:
    """Segments (kind, start_s, end_s) of one sequential activity, in order of time."""

    __slots__ = ("segments",)

    def __init__(self) -> None:
        self.segments: list[tuple[int, float, float]] = []

    def add(self, kind: int, start_s: float, end_s: float) -> None:
        """Note that from start to end the activity waited for `kind`."""
        if end_s > start_s:
            self.segments.append((kind, start_s, end_s))

    def follow(self, other: "Timeline", start_s: float, end_s: float, *, otherwise: int) -> None:
        """Note a wait for another activity: what that one waited for meanwhile is what this one waited for.

        Stretches of [start_s, end_s] that the other does not cover count as `otherwise`.
        """
        reached = start_s
        for kind, segment_start_s, segment_end_s in list(other.segments):
            begin_s, finish_s = max(segment_start_s, reached), min(segment_end_s, end_s)
            if finish_s > begin_s:
                self.add(otherwise, reached, begin_s)
                self.add(kind, begin_s, finish_s)
                reached = finish_s
        self.add(otherwise, reached, end_s)

    def totals(self) -> list[float]:
        """Seconds by kind, in the order of SHARE_KINDS."""
        sums = [0.0] * len(SHARE_KINDS)
        for kind, start_s, end_s in self.segments:
            sums[kind] += end_s - start_s
        return sums


def dominant(totals: list[float]) -> str:
    """Name of the kind with the largest share; the first in order of SHARE_KINDS on a tie."""
    return SHARE_KINDS[max(range(len(totals)), key=totals.__getitem__)]

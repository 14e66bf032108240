"""The faults that are tried on the real stack, as data."""

from dataclasses import dataclass
from typing import Literal

from sim.testbed.fault_kinds import Fault, LinkCut, RegistryGone, SnapshotterGone

MB = 10**6


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When a fault happens: so long after the client has asked, or after the container's first process is there."""

    once: Literal["asked", "running"]
    after_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One fault in one start of a container.

    told: one sentence on what is done. fault, moment, undo_after_s: what happens, when, and for how long (None: for
    good). times: how often, where chance decides. disk_bytes: size of the node's disk, None: as always.
    expected: the kind of end. why: how the real components come to that end, for a reader; holds only when the end is
    the expected one.
    """

    name: str
    told: str
    lazy: bool
    expected: Literal["ready", "failed"]
    why: str
    fault: Fault | None = None
    moment: Moment = Moment(once="asked", after_s=0.0)
    undo_after_s: float | None = None
    times: int = 1
    disk_bytes: int | None = None
    workload: str = "web"
    rate_mbit_s: float = 20.0
    rtt_s: float = 0.02

    @property
    def preset(self) -> str:
        """The preset of the experiment file that does the same without a fault."""
        return "lazy" if self.lazy else "full"


MID_PULL = Moment(once="asked", after_s=4.0)
MID_READ = Moment(once="running", after_s=0.5)

TCP_WAITS = (
    "No request fails and none is repeated: TCP waits. Its time-out is the round trip it has measured, waiting in the "
    "link's queue included, and at least 0.2 seconds; it doubles with each attempt, so that the mended link is noticed "
    "at the next attempt only. Where just the acknowledgements of the last packets were lost, the kernel then takes "
    "its time-out for a false alarm (F-RTO, RFC 5682), believes the rest to be on its way, has measured a round trip "
    "as long as the cut, and waits for another, longer time-out. Which of these happens is chance. "
)
ENDS_WITH_EIO = (
    "The snapshotter asks six times in all for a range, waiting 30 ms, 60 ms, 120 ms, 240 ms and 480 ms between, each "
    "up to twice as long by chance: 0.9 to 1.9 seconds. Then the read fails with EIO. The kernel tries a failed "
    "read-ahead once more as a plain read, which doubles that. "
)
FUSE_IS_GONE = (
    "With its server every FUSE mount is dead: reads of what is not in the page cache fail with ENOTCONN (error 107), "
    "and the container ends at its next one. "
)

SCENARIOS = (
    Scenario(
        name="registry-killed",
        told="The registry is killed in the middle of a full pull and stays away.",
        lazy=False,
        fault=RegistryGone(),
        moment=MID_PULL,
        expected="failed",
        why="What the registry's kernel had taken over still arrives, for a second or two. Then the body ends early; "
        "containerd tries once to go on where it ended, the connection is refused, and the pull fails as a short "
        "read. It does not wait for a registry to come back.",
    ),
    Scenario(
        name="registry-restarted",
        told="The registry is killed while the container of a lazy start reads, and is started again a second later.",
        lazy=True,
        fault=RegistryGone(),
        moment=MID_READ,
        undo_after_s=1.0,
        expected="ready",
        why=ENDS_WITH_EIO + "A registry that is back within a second is met by one of these attempts, and the "
        "container only waits.",
    ),
    Scenario(
        name="registry-restarted-late",
        told="The same, but the registry is started again after six seconds.",
        lazy=True,
        fault=RegistryGone(),
        moment=MID_READ,
        undo_after_s=6.0,
        expected="failed",
        why=ENDS_WITH_EIO + "Six seconds are longer than that: the program cannot load what it needs, and the "
        "container ends. Its node is sound: a second container of the image starts once the registry is back.",
    ),
    Scenario(
        name="link-cut-lazy",
        told="The link carries nothing for five seconds while the container of a lazy start reads.",
        lazy=True,
        fault=LinkCut(),
        moment=MID_READ,
        undo_after_s=5.0,
        times=3,
        expected="ready",
        why=TCP_WAITS + "The model knows none of this: its link goes on after the cut where it was.",
    ),
    Scenario(
        name="link-cut-full",
        told="The link carries nothing for five seconds in the middle of a full pull.",
        lazy=False,
        fault=LinkCut(),
        moment=MID_PULL,
        undo_after_s=5.0,
        expected="ready",
        times=2,
        why=TCP_WAITS + "A full pull fills the link's queue (16 MiB on this testbed, so that nothing is lost in it "
        "otherwise), and its time-outs begin at seconds.",
    ),
    Scenario(
        name="snapshotter-killed-pull",
        told="The snapshotter is killed while a lazy pull mounts layers, and stays away.",
        lazy=True,
        fault=SnapshotterGone(),
        moment=Moment(once="asked", after_s=0.6),
        expected="failed",
        rtt_s=0.08,
        why="containerd's call breaks with the connection (EOF), and the pull fails at once. It does not fall back to "
        "a full pull, and does not wait for a snapshotter to come back.",
    ),
    Scenario(
        name="snapshotter-killed",
        told="The snapshotter is killed while the container of a lazy start reads, and stays away.",
        lazy=True,
        fault=SnapshotterGone(),
        moment=MID_READ,
        expected="failed",
        why=FUSE_IS_GONE + "Nothing waits or tries again.",
    ),
    Scenario(
        name="snapshotter-restarted",
        told="The snapshotter is killed while the container of a lazy start reads, and started again on its folder "
        "a second later.",
        lazy=True,
        fault=SnapshotterGone(),
        moment=MID_READ,
        undo_after_s=1.0,
        expected="failed",
        why=FUSE_IS_GONE + "The new snapshotter unmounts what the dead one left and mounts every layer again, asking "
        "for probes and indexes anew; the mounts answer, but not for a container whose root was put together from "
        "the old ones. containerd finds the new one by the same socket, and a second container starts.",
    ),
    Scenario(
        name="disk-full",
        told="A full pull onto a disk of 64 MB, which holds the compressed image but not the unpacked one.",
        lazy=False,
        disk_bytes=64 * MB,
        expected="failed",
        why="Everything is fetched and much of it unpacked before the first write fails; the pull fails with the path "
        "and with ENOSPC. Nothing says beforehand that it cannot fit.",
    ),
    Scenario(
        name="disk-full-lazy",
        told="A lazy start on that same disk.",
        lazy=True,
        disk_bytes=64 * MB,
        expected="ready",
        why="Only what was read lies on the disk, as regions fetched and as chunks inflated, and it fits.",
    ),
    Scenario(
        name="disk-tiny-lazy",
        told="A lazy start on a disk of 6 MB, too small for what the container reads.",
        lazy=True,
        disk_bytes=6 * MB,
        expected="failed",
        why="A region that has arrived but cannot be written to the cache fails the read with EIO, although its bytes "
        "are there (fs/remote/blob.go); a chunk that cannot be written is handed out uncached (fs/reader/reader.go). "
        "The container sees an I/O error, never ENOSPC; only the snapshotter's log tells.",
    ),
)

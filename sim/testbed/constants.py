"""From timed samples to the constants of a host file: which samples each constant is made of. Pure."""

from collections.abc import Sequence

from sim.core.host import Constant
from sim.testbed import fit
from sim.testbed.fit import Cost, Sample, Statistic

# Where another statistic than the first quartile is right.
# The way to a FUSE server and back is short while the other core still spins and long once it sleeps: only the
# quickest of two measures can be subtracted from one another.
STATISTICS = dict.fromkeys(
    ("unpack", "toc", "inflate", "hash", "chunk_miss", "chunk_hit", "fuse_lookup", "fuse_readdir", "fuse_transport"),
    Statistic.QUICKEST,
)

READ_WINDOW = 128 << 10  # bytes: the longest read the kernel sends to a FUSE server
LISTING_REQUESTS = 3  # opendir, readdir, readdir that finds the end

Typical = dict[tuple[int, int], float]  # (bytes, files) → seconds


class Measured:
    """The samples of one calibration, and how a constant and its source line are made of them.

    versions: what a source line says of the component, by its short name ("stargz", "containerd", "go", "kernel").
    """

    def __init__(self, samples: Sequence[Sample], versions: dict[str, str]) -> None:
        self.samples = samples
        self.versions = versions

    def typical(self, measure: str) -> Typical:
        """Undisturbed seconds of each group of repetitions."""
        statistic = STATISTICS.get(measure, Statistic.FIRST_QUARTILE)
        return {key: fit.typical_s(seconds, statistic) for key, seconds in fit.group(self.samples, measure).items()}

    def cost(self, measure: str) -> Cost:
        """Fixed seconds and seconds per byte of one measure."""
        return fit.fit_cost({size: seconds for (size, _), seconds in self.typical(measure).items()})

    def constant(self, value: float, measure: str, what: str, component: str) -> Constant:
        """A constant with the spread and the number of its repetitions."""
        groups = fit.group(self.samples, measure)
        count = sum(len(seconds) for seconds in groups.values())
        version = self.versions[component]
        statistic = STATISTICS.get(measure, Statistic.FIRST_QUARTILE).value
        source = f"measured by `lazypull testbed calibrate`, {what}, {version}, {statistic}, n={count}"
        return Constant(value=value, cv=round(fit.relative_spread(groups), 4), source=source)

    def once(self, measure: str, what: str, component: str) -> Constant:
        """A constant that is simply the undisturbed time of one operation."""
        (seconds,) = self.typical(measure).values()
        return self.constant(seconds, measure, what, component)

    def less(self, measure: str, seconds: float, what: str, component: str) -> Constant:
        """A constant that is one operation's time without a part of it that belongs elsewhere."""
        (whole,) = self.typical(measure).values()
        return self.constant(max(0.0, whole - seconds), measure, what, component)


def host_constants(measured: Measured, *, cores: int) -> dict[str, Constant]:
    """Every constant of `sim.core.host.Host`, by name. Raises `KeyError` naming a measure that is missing."""
    return {
        "cores": Constant(value=cores, cv=0.0, source="counted by `lazypull testbed calibrate`"),
        **_chunks(measured),
        **_regions(measured),
        **_unpack(measured),
        **_fuse(measured),
        **_local(measured),
        **_containers(measured),
    }


def _chunks(measured: Measured) -> dict[str, Constant]:
    """A first touch of a chunk = inflate + sha256 + the rest; the rest is fixed + per byte."""
    inflate, hashing, miss = (measured.typical(name) for name in ("inflate", "hash", "chunk_miss"))
    rest = fit.fit_cost({size: max(0.0, miss[size, n] - inflate[size, n] - hashing[size, n]) for size, n in miss})
    reader = "first read of one-chunk files of 4 KiB to 4 MiB through the reader, less inflate and sha256"
    return {
        "inflate_s_per_byte": measured.constant(
            measured.cost("inflate").per_unit_s, "inflate", "one gzip member of 4 KiB to 4 MiB (compress/gzip)", "go"
        ),
        "hash_s_per_byte": measured.constant(measured.cost("hash").per_unit_s, "hash", "sha256 (crypto/sha256)", "go"),
        "chunk_s": measured.constant(rest.fixed_s, "chunk_miss", reader, "stargz"),
        "chunk_s_per_byte": measured.constant(rest.per_unit_s, "chunk_miss", reader, "stargz"),
        "toc_s_per_byte": measured.constant(
            measured.cost("toc").per_unit_s, "toc", "opening layers of 100 to 10,000 files", "stargz"
        ),
    }


def _regions(measured: Measured) -> dict[str, Constant]:
    region, server = measured.cost("region"), measured.cost("region_server")
    what = "reads of 1 to 21 missing regions of 50,000 bytes over loopback"
    return {
        "region_s_per_byte": measured.constant(region.per_unit_s, "region", what, "stargz"),
        "request_s": measured.constant(
            max(0.0, region.fixed_s - server.fixed_s),
            "region",
            f"{what}: the fixed part, less the server's own",
            "stargz",
        ),
    }


def _unpack(measured: Measured) -> dict[str, Constant]:
    per_byte, per_file = fit.fit_bytes_and_files(measured.typical("unpack"))
    what = "least squares over five synthetic tar.gz layers through archive.Apply, own gunzip, ext4"
    return {
        "unpack_s_per_byte": measured.constant(per_byte, "unpack", what, "containerd"),
        "unpack_s_per_file": measured.constant(per_file, "unpack", what, "containerd"),
        "snapshot_s": measured.once("snapshot", "prepare and commit an empty overlayfs snapshot", "containerd"),
    }


def _fuse(measured: Measured) -> dict[str, Constant]:
    """What the lazy file system's server does for an operation, without the way to it and back.

    A trace's gaps run from the end of one operation in the recorder's server to the start of the next there: the
    switches between processes are in the gaps, and must not be paid twice.
    """
    read = fit.fit_cost(
        {min(size, READ_WINDOW): seconds for (size, _), seconds in measured.typical("chunk_hit").items()}
    )
    (transport_s,) = measured.typical("fuse_transport").values()
    lookup = "lstat of an unseen path on a mounted layer, less a statfs (the way to the server and back)"
    listing = f"first listing of a folder of 50 files, less {LISTING_REQUESTS} statfs"
    what = "a read of 4 to 128 KiB of a cached chunk through the reader"
    return {
        "fuse_read_s": measured.constant(read.fixed_s, "chunk_hit", what, "stargz"),
        "fuse_read_s_per_byte": measured.constant(read.per_unit_s, "chunk_hit", what, "stargz"),
        "fuse_lookup_s": measured.less("fuse_lookup", transport_s, lookup, "stargz"),
        "fuse_readdir_s": measured.less("fuse_readdir", LISTING_REQUESTS * transport_s, listing, "stargz"),
        "fuse_mount_s": measured.once("mount", "mounting a layer that is resolved", "stargz"),
    }


def _local(measured: Measured) -> dict[str, Constant]:
    read = measured.cost("local_read")
    what = "reads of 4 to 128 KiB under overlayfs on ext4, pages warm from the unpack"
    return {
        "local_read_s": measured.constant(read.fixed_s, "local_read", what, "kernel"),
        "local_read_s_per_byte": measured.constant(read.per_unit_s, "local_read", what, "kernel"),
        "local_lookup_s": measured.once("local_lookup", "lstat of an unseen path under overlayfs", "kernel"),
        "local_readdir_s": measured.once("local_readdir", "first listing of 50 files under overlayfs", "kernel"),
    }


def _containers(measured: Measured) -> dict[str, Constant]:
    """Floors of a container whose program does nothing; the node's programs warm, all else cold."""
    return {
        "create_s": measured.once("create", "NewContainer with snapshot and spec", "runtime"),
        "start_s": measured.once("start", "NewTask + Start until the program's first instruction", "runtime"),
        "exit_s": measured.once("exit", "the program's last instruction until the exit event", "runtime"),
    }


# Measured beside the constants and kept with the machine, for whoever asks what the constants leave out.
ASIDE = {
    "fuse_transport_s": "fuse_transport",  # to a FUSE server and back, which a trace's gaps hold
    "fuse_read_128k_s": "fuse_read",  # a read of 128 KiB that hits, as the reading process sees it
    "fuse_mount_with_resolve_s": "mount_resolve",  # first mount of a layer: probe, footer, TOC, mount
    "start_call_s": "start_call",  # until Start returns to the client
    "task_delete_s": "task_delete",  # after the exit is known: not part of any phase
}


def aside(measured: Measured) -> dict[str, float]:
    """Further medians, seconds, of operations that are no constant of the model."""
    return {name: round(max(measured.typical(measure).values()), 7) for name, measure in ASIDE.items()}

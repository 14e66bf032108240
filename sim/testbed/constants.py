"""From timed samples to the constants of a host file: which samples each constant is made of. Pure."""

from collections.abc import Mapping, Sequence

from sim.core.host import Constant
from sim.testbed import fit
from sim.testbed.fit import Cost, Sample, Statistic, Work

# Where another statistic than the first quartile is right.
STATISTICS = {
    "hash": Statistic.QUICKEST,
    **dict.fromkeys(
        (
            "unpack",
            "fuse_lookup",
            "fuse_read",
            "fuse_readdir",
            "commit",
            "pull_begin",
            "pull_document",
            "lazy_tail",
            "full_tail",
            "full_create",
            "lazy_create",
            "full_start",
            "lazy_start",
            "resolved_tail",
            "busy_tail",
            "toc",
            "start",
        ),
        Statistic.MEDIAN,
    ),
}

LISTING_READS = 2  # readdir, and readdir that finds the end
READ_AHEAD = 2 << 20  # bytes: the most one request of a chunk's bytes asks for (sim/model/lazy_layer.py)
PARSED = "from the last byte of a TOC of 1,000 to 10,000 files until its layer is resolved, in a cold pull"
REGION_BYTES = 50_000  # of the mounted layers whose files are touched: the snapshotter's default
LEAST_TOUCHED = 60_000  # packed bytes: smaller files of a touch may lie in a region that is here already


class Measured:
    """The samples of one calibration, and how a constant and its source line are made of them.

    versions: what a source line says of the component, by its short name ("stargz", "containerd", "go", "kernel").
    """

    def __init__(self, samples: Sequence[Sample], versions: dict[str, str]) -> None:
        self.samples = samples
        self.versions = versions

    def typical(self, measure: str) -> dict[Work, float]:
        """Seconds of each group of repetitions, by (bytes, files, packed)."""
        statistic = STATISTICS.get(measure, Statistic.FIRST_QUARTILE)
        return {work: fit.typical_s(seconds, statistic) for work, seconds in fit.group(self.samples, measure).items()}

    def cost(self, measure: str) -> Cost:
        """Fixed seconds and seconds per byte of one measure."""
        return fit.fit_cost({size: seconds for (size, *_), seconds in self.typical(measure).items()})

    def constant(self, value: float, measure: str, what: str, component: str) -> Constant:
        """A constant with the spread and the number of its repetitions."""
        groups = fit.group(self.samples, measure).values()
        count = sum(len(seconds) for seconds in groups)
        version = self.versions[component]
        statistic = STATISTICS.get(measure, Statistic.FIRST_QUARTILE).value
        source = f"measured by `lazypull testbed calibrate`, {what}, {version}, {statistic}, n={count}"
        return Constant(value=value, cv=round(fit.relative_spread(groups), 4), source=source)

    def once(self, measure: str, what: str, component: str) -> Constant:
        """A constant that is simply the undisturbed time of one operation."""
        (seconds,) = self.typical(measure).values()
        return self.constant(seconds, measure, what, component)


def host_constants(measured: Measured, *, cores: int) -> dict[str, Constant]:
    """Every constant of `sim.core.host.Host`, by name. Raises `KeyError` naming a measure that is missing."""
    read = {**_chunks(measured), **_regions(measured)}
    return {
        "cores": Constant(value=cores, cv=0.0, source="counted by `lazypull testbed calibrate`"),
        **read,
        **_ahead(measured, cores, {name: constant.value for name, constant in read.items()}),
        **_unpack(measured),
        **_pulls(measured),
        **_fuse(measured),
        **_local(measured),
        **_containers(measured),
    }


def _chunks(measured: Measured) -> dict[str, Constant]:
    """A first touch of a chunk = request, regions, sha256, inflate (per compressed byte) and the rest.

    Inflating costs 13 to 16 ns a compressed byte whatever the ratio between 2 and 23; with the ratio, the cost of a raw
    byte falls from 7 to 0.6 ns.
    """
    hash_s, request_s = measured.cost("hash").per_unit_s, _regions_cost(measured)[0]
    region_s = _region_byte_s(measured)
    fixed_s, per_byte_s, per_packed_s = fit.fit_terms(
        [
            ((1.0, float(raw), float(packed)), seconds - (packed // READ_AHEAD) * request_s)
            for (raw, _, packed), seconds in measured.typical("touch").items()
            if packed >= LEAST_TOUCHED
        ]
    )
    touch = "first read of files of one chunk of 0.5 to 4 MiB through a mount, least squares"
    return {
        "inflate_s_per_packed_byte": measured.constant(
            max(0.0, per_packed_s - region_s), "touch", f"{touch}, per compressed byte, less regions", "stargz"
        ),
        "hash_s_per_byte": measured.constant(hash_s, "hash", "sha256 (crypto/sha256)", "go"),
        "chunk_s": measured.constant(
            max(0.0, fixed_s - request_s), "touch", f"{touch}, fixed part, less a request", "stargz"
        ),
        "chunk_s_per_byte": measured.constant(
            max(0.0, per_byte_s - hash_s), "touch", f"{touch}, per raw byte, less sha256", "stargz"
        ),
        "decode_beside": measured.constant(
            _beside(measured),
            "touch_processor",
            f"{touch}: processor time of the server, less the reads' own",
            "stargz",
        ),
        "toc_s": measured.constant(measured.cost("toc").fixed_s, "toc", f"{PARSED}, fixed part", "stargz"),
        "toc_s_per_byte": measured.constant(measured.cost("toc").per_unit_s, "toc", f"{PARSED}, per byte", "stargz"),
    }


def _ahead(measured: Measured, cores: int, read: Mapping[str, float]) -> dict[str, Constant]:
    """A prefetch decoded by all cores = reading its regions, inflate, sha256, and the rest.

    That rest is another than a touch has: fresh buffers, and caching by many small writes (fs/reader/reader.go
    `readAndCache`). read: constants of a first touch and of regions, by name.
    """
    packed_byte_s = read["inflate_s_per_packed_byte"] + read["region_read_s_per_byte"]

    def rest_s(raw: int, chunks: int, packed: int, seconds: float) -> float:
        regions = chunks + packed / REGION_BYTES
        known_s = packed * packed_byte_s + regions * read["region_read_s"] + raw * read["hash_s_per_byte"]
        return seconds * cores / (1 + read["decode_beside"]) - known_s

    chunk_s, byte_s = fit.fit_terms(
        [
            ((float(chunks), float(raw)), rest_s(raw, chunks, packed, seconds))
            for (raw, chunks, packed), seconds in measured.typical("ahead").items()
        ]
    )
    what = "files of 600 bytes to 4 MiB decoded as a prefetch does, on all cores, least squares"
    return {
        "ahead_chunk_s": measured.constant(chunk_s, "ahead", f"{what}, fixed part", "stargz"),
        "ahead_chunk_s_per_byte": measured.constant(byte_s, "ahead", f"{what}, per raw byte, less sha256", "stargz"),
    }


def _beside(measured: Measured) -> float:
    """Processor seconds that pass on other cores for each second of a first touch."""
    touches = fit.group(measured.samples, "touch").values()
    rounds = fit.group(measured.samples, "touch_processor").values()
    waited_s = sum(sum(seconds) for seconds in touches)
    return max(0.0, sum(sum(seconds) for seconds in rounds) / waited_s - 1)


def _regions_cost(measured: Measured) -> list[float]:
    """Seconds of a request for missing regions: once, for each region, for each byte."""
    return fit.fit_terms(
        [
            ((1.0, float(regions), float(size)), seconds)
            for (size, regions, _), seconds in measured.typical("region").items()
        ]
    )


def _region_byte_s(measured: Measured) -> float:
    """Seconds for each byte of regions as large as the snapshotter has them by default."""
    _, region_s, byte_s = _regions_cost(measured)
    return byte_s + region_s / REGION_BYTES


def _regions(measured: Measured) -> dict[str, Constant]:
    request_s, region_s, byte_s = _regions_cost(measured)
    read_s, read_byte_s = fit.fit_terms(
        [
            ((float(regions), float(size)), seconds)
            for (size, regions, _), seconds in measured.typical("region_read").items()
        ]
    )
    what = "reads of 1 to 21 missing regions of 12,500 to 200,000 bytes over loopback, least squares"
    again = "the same reads again, all regions stored, least squares"
    return {
        "region_s": measured.constant(region_s, "region", f"{what}, per region", "stargz"),
        "region_s_per_byte": measured.constant(byte_s, "region", f"{what}, per byte", "stargz"),
        "region_read_s": measured.constant(read_s, "region_read", f"{again}, per region", "stargz"),
        "region_read_s_per_byte": measured.constant(read_byte_s, "region_read", f"{again}, per byte", "stargz"),
        "request_s": measured.constant(
            max(0.0, request_s - measured.cost("region_server").fixed_s),
            "region",
            f"{what}: the fixed part, less the server's own",
            "stargz",
        ),
    }


def _unpack(measured: Measured) -> dict[str, Constant]:
    rows = measured.typical("unpack")
    per_byte, per_packed, per_file = fit.fit_terms(
        [((float(raw), float(packed), float(files)), seconds) for (raw, files, packed), seconds in rows.items()]
    )
    what = "least squares over five synthetic tar.gz layers as the daemon logs it, own gunzip, ext4"
    stored = "from a layer's last byte until its unpack begins, per byte over the same layers"
    return {
        "unpack_s_per_byte": measured.constant(per_byte, "unpack", what, "containerd"),
        "unpack_s_per_packed_byte": measured.constant(per_packed, "unpack", what, "containerd"),
        "unpack_s_per_file": measured.constant(per_file, "unpack", what, "containerd"),
        "commit_s_per_byte": measured.constant(measured.cost("commit").per_unit_s, "commit", stored, "containerd"),
    }


def _pulls(measured: Measured) -> dict[str, Constant]:
    """Bookkeeping of a pull, by layers: after the last byte so much passes once and so much for each layer."""
    lazy, full = (
        fit.fit_cost({layers: seconds for (_, layers, _), seconds in measured.typical(measure).items()})
        for measure in ("lazy_tail", "full_tail")
    )
    (begin_s,) = measured.typical("pull_begin").values()
    (tail_s,) = measured.typical("resolved_tail").values()
    (((_, mounts, _), busy_s),) = measured.typical("busy_tail").items()
    last_s = max(0.0, lazy.fixed_s - measured.cost("toc").fixed_s)  # the tiny layers' own TOCs are read meanwhile
    what = "cold pulls of 1 and 6 tiny layers over an unshaped link"
    return {
        "pull_s": measured.constant(
            begin_s + last_s,
            "pull_begin",
            f"{what}: before the first request and after the last layer",
            "runtime",
        ),
        "commit_s": measured.constant(
            max(0.0, full.fixed_s - lazy.fixed_s), "full_tail", f"{what}, full: once after the last byte", "containerd"
        ),
        "document_s": measured.once("pull_document", f"{what}: after tag, manifest and config each", "runtime"),
        "snapshot_s": measured.constant(
            full.per_unit_s, "full_tail", f"{what}, full: for each layer after the last byte", "containerd"
        ),
        "fuse_mount_s": measured.constant(
            lazy.per_unit_s, "lazy_tail", f"{what}, lazy: for each layer after the last index", "stargz"
        ),
        "wake_s": measured.constant(
            max(0.0, tail_s - lazy.per_unit_s - last_s),
            "resolved_tail",
            "cold pulls of one layer of 1,000 to 10,000 files: from resolved to the end, less a mount and that end",
            "stargz",
        ),
        "busy_wake_s": measured.constant(
            max(0.0, (busy_s - last_s) / mounts - lazy.per_unit_s),
            "busy_tail",
            "cold pulls of tiny layers while a prefetch is decoded: from the last one resolved to the end, for each",
            "stargz",
        ),
    }


def _fuse(measured: Measured) -> dict[str, Constant]:
    """Operations on a mounted lazy layer as the asking process sees them, the way to the server and back included."""
    read = measured.cost("fuse_read")
    what = "reads of 4 to 128 KiB of cached chunks through a mount, 150 µs apart"
    listing = f"first listing of a folder of 50 files, {LISTING_READS} requests to read it"
    (listing_s,) = measured.typical("fuse_readdir").values()
    return {
        "fuse_read_s": measured.constant(read.fixed_s, "fuse_read", what, "stargz"),
        "fuse_read_s_per_byte": measured.constant(read.per_unit_s, "fuse_read", what, "stargz"),
        "fuse_lookup_s": measured.once("fuse_lookup", "lstat of an unseen path on a mounted layer", "stargz"),
        "fuse_readdir_s": measured.constant(listing_s / LISTING_READS, "fuse_readdir", listing, "stargz"),
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
    pulls = "after cold pulls of 1 and 6 tiny layers over an unshaped link"
    (start_s,), (full_s,), (lazy_s,) = (measured.typical(m).values() for m in ("start", "full_start", "lazy_start"))
    return {
        "create_s": measured.once("full_create", f"{pulls}, full: NewContainer with snapshot and spec", "runtime"),
        "lazy_create_s": measured.once("lazy_create", f"{pulls}, lazy: the same on mounted layers", "runtime"),
        "start_s": measured.once("start", "NewTask + Start until the program's first instruction", "runtime"),
        "lazy_start_s": measured.constant(
            start_s + max(0.0, lazy_s - full_s),
            "lazy_start",
            f"start_s and what it takes longer {pulls}, lazy",
            "runtime",
        ),
        "exit_s": measured.once("exit", "the program's last instruction until the exit event", "runtime"),
    }


# Measured beside the constants and kept with the machine, for whoever asks what the constants leave out.
ASIDE = {
    "fuse_read_128k_s": "fuse_read",  # a read of 128 KiB that hits, as the reading process sees it
    "fuse_mount_s": "mount",  # mounting a layer that is resolved, alone
    "fuse_mount_with_resolve_s": "mount_resolve",  # first mount of a layer: probe, footer, TOC, mount
    "start_call_s": "start_call",  # until Start returns to the client
    "registry_service_s": "served",  # a small request for a blob over the unshaped link, there and back
    "link_cpu_s_per_megabyte": "carried",  # what the link takes of the node's cores at 1 Gbit/s
    "task_delete_s": "task_delete",  # after the exit is known: not part of any phase
}


def aside(measured: Measured) -> dict[str, float]:
    """Further medians, seconds, of operations that are no constant of the model."""
    return {name: round(max(measured.typical(measure).values()), 7) for name, measure in ASIDE.items()}

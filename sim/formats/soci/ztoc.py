"""How large a layer's zTOC is: the bytes a client fetches before it can read the first file.

A zTOC is a flatbuffer: a table for each tar entry, the digest of each span, and for each span its place and the 32 KiB
before it, not compressed. Sources: soci-snapshotter, ztoc/fbs/ztoc.fbs, ztoc/ztoc_marshaler.go (the order in which
parts are built fixes the padding), ztoc/compression/gzip_zinfo.h. The time zone of the builder is taken to be UTC.
"""

from datetime import UTC, datetime

from sim.core.source import Source
from sim.formats.soci.flatsize import FlatSize
from sim.formats.tarentry import KINDS, TarEntry, read_entry
from sim.formats.tarlayer import tar_pieces
from sim.formats.tarstream import TarStream

CHECKPOINT_BYTES = 8 + 8 + 1 + (1 << 15)  # place in the blob, place in the tar, bits, window
CHECKPOINTS_HEAD_BYTES = 4 + 8  # how many there are, span size
VERSION = b"0.9"
BUILD_TOOL = b"AWS SOCI CLI v0.2"  # soci/soci_index.go, defaultBuildToolIdentifier
DIGEST_CHARS = len("sha256:") + 64
UID_BITS = 32  # user and group numbers are cut to these
SECOND_NS = 10**9


def ztoc_size(source: Source, spans: int, raw_size: int) -> int:
    """Bytes of the zTOC of a gzip layer cut into that many spans. Raises `BadBlob`."""
    flat = FlatSize()
    version, tool = flat.string(len(VERSION)), flat.string(len(BUILD_TOOL))
    toc = _toc(flat, list(_entries(source)))
    checkpoints = flat.bytes(CHECKPOINTS_HEAD_BYTES + spans * CHECKPOINT_BYTES)
    digests = flat.offsets([flat.string(DIGEST_CHARS) for _ in range(spans)])
    info = flat.table({1: (4, spans - 1), 2: (4, digests), 3: (4, checkpoints)})  # 0, the algorithm, is the default
    fields = {0: version, 1: tool, 4: toc}
    root = {slot: (4, place) for slot, place in fields.items()} | {2: (8, source.size), 3: (8, raw_size), 5: (4, info)}
    flat.table(root)
    return flat.finish()


def _toc(flat: FlatSize, entries: list[TarEntry]) -> int:
    places = [_metadata(flat, entry) for entry in reversed(entries)]
    return flat.table({0: (4, flat.offsets(places))})


def _metadata(flat: FlatSize, entry: TarEntry) -> int:
    """One entry, its strings first."""
    texts = (entry.name, KINDS[entry.flag].encode(), entry.link, entry.uname, entry.gname, _time(entry.mtime_ns))
    name, kind, link, uname, gname, time = [flat.string(len(text)) for text in texts]
    records = flat.offsets([_record(flat, key, entry.records[key]) for key in sorted(entry.records)])
    return flat.table(
        {
            0: (4, name),
            1: (4, kind),
            2: (8, entry.payload),
            3: (8, entry.size),
            4: (4, link),
            5: (8, entry.mode),
            6: (4, entry.uid % (1 << UID_BITS)),
            7: (4, entry.gid % (1 << UID_BITS)),
            8: (4, uname),
            9: (4, gname),
            10: (4, time),
            11: (8, entry.major),
            12: (8, entry.minor),
            13: (4, records),
        }
    )


def _record(flat: FlatSize, key: bytes, value: bytes) -> int:
    places = flat.string(len(key)), flat.string(len(value))
    return flat.table({0: (4, places[0]), 1: (4, places[1])})


def _time(time_ns: int) -> bytes:
    """RFC 3339 with as many digits of a second as are needed."""
    seconds, fraction = divmod(time_ns, SECOND_NS)
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    digits = f".{fraction:09}".rstrip("0") if fraction else ""
    return f"{text}{digits}Z".encode()


class _HeaderBytes:
    """The headers of one entry as the start of a tar that goes on far enough for its payload."""

    def __init__(self, data: bytes, name: str) -> None:
        self.name, self.size, self._data = name, 1 << 62, data

    def read_at(self, offset: int, length: int) -> bytes:
        return self._data[offset : offset + length]


def _entries(source: Source) -> list[TarEntry]:
    tar = TarStream(tar_pieces(source), source.name)
    found = []
    for member in tar:
        entry = read_entry(_HeaderBytes(bytes(tar.head), source.name), 0)
        if entry is not None:
            found.append(entry._replace(payload=member.offset))
    return found

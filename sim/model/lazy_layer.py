"""One lazily mounted layer: resolve, verify and mount it, and load its chunks when they are first touched.

Rules of stargz-snapshotter: a chunk is read whole on first touch, in compressed reads of up to 2 MiB that run up to
the end of the file's last chunk; it is inflated, hashed and written to a cache, by every reader that missed it.
"""

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Any

from simpy import Event

from sim.model.blob import RemoteBlob
from sim.model.http import Http
from sim.model.timeline import FUSE, INFLATE, Timeline
from sim.model.world import World
from sim.plan.columns import LayoutColumns

Process = Generator[Event, Any, None]

READ_BYTES = 2 << 20  # most compressed bytes of one blob read (estargz.go, `fileReader.ReadAt`: bufio of 2 MiB)
MEMBER_TAIL_BYTES = 13  # empty final block and trailer that a reader of the payload does not need (estargz.go closeGz)


def compressed_reads(offset: int, size: int, section_end: int) -> Iterator[tuple[int, int]]:
    """The blob reads that decode one chunk: (offset, length), each as long as the reader's buffer."""
    needed_end = offset + max(1, size - MEMBER_TAIL_BYTES)
    while offset < needed_end:
        length = min(READ_BYTES, section_end - offset)
        if length <= 0:
            return
        yield offset, length
        offset += length


@dataclass(frozen=True, slots=True)
class Caching:
    """What it costs the client to cache a chunk that is inflated, beside its hash: once, and for each raw byte."""

    chunk_s: float
    raw_byte_s: float


class LazyLayer:
    """State of one layer on one node.

    on_touch, ahead: costs of caching a chunk when it is asked for (`OpenFile`), and before that (`readAndCache`; both
    fs/reader/reader.go).
    loaded: one byte a unit of the whole image, shared by its layers: is the decoded chunk in the client's cache?
    """

    def __init__(
        self,
        world: World,
        http: Http,
        columns: LayoutColumns,
        *,
        node: int,
        layer: int,
        region_size: int,
        loaded: bytearray,
    ) -> None:
        self._world = world
        self._node = node
        self._columns = columns
        self.on_touch = Caching(world.host.chunk_s, world.host.chunk_s_per_byte)
        self.ahead = Caching(world.host.ahead_chunk_s, world.host.ahead_chunk_s_per_byte)
        self.layer = layer
        self.loaded = loaded
        self.blob = RemoteBlob(
            world, http, digest=columns.digest[layer], size=columns.size[layer], region_size=region_size
        )
        self.resolved: Event = world.env.event()
        self.timeline = Timeline()  # of its resolve

    def resolve(self) -> Process:
        """Probe, footer, TOC; the parsed TOC then answers every lookup."""
        world, columns = self._world, self._columns
        start_s = world.env.now
        yield from self.blob.probe(self.timeline)
        footer_offset, footer_bytes = columns.index_footer[self.layer]
        yield from self.blob.read(footer_offset, footer_bytes, "index", self.timeline)
        toc_offset, toc_bytes, json_bytes = columns.index_toc[self.layer]
        yield from self.blob.read(toc_offset, toc_bytes, "index", self.timeline)
        parse_s = world.host.toc_s + json_bytes * world.host.toc_s_per_byte
        yield from world.decode(self._node, parse_s, FUSE, self.timeline)
        world.spans.add("resolve", self._node, start_s, world.env.now, layer=self.layer)
        self.resolved.succeed()

    def mount(self, timeline: Timeline) -> Process:
        """Wait for the resolve, then mount."""
        world = self._world
        start_s = world.env.now
        if not self.resolved.processed:
            yield self.resolved
            timeline.follow(self.timeline, start_s, world.env.now, otherwise=FUSE)
        yield from world.work(self._node, world.host.fuse_mount_s, FUSE, timeline)
        world.spans.add("mount", self._node, start_s, world.env.now, layer=self.layer)

    def load(self, unit: int, cause: str, caching: Caching, timeline: Timeline) -> Process:
        """Fetch what is missing of one chunk, decode it and cache it."""
        again_s = 0.0
        for offset, length in self.reads(unit):
            again_s += self.reading_again_s(offset, length)
            yield from self.blob.read(offset, length, cause, timeline)
        yield from self.decode(unit, caching, timeline, again_s)

    def reads(self, unit: int) -> list[tuple[int, int]]:
        """The blob reads that decode a unit: (offset, length)."""
        columns = self._columns
        place = columns.unit_offset[unit], columns.unit_size[unit], columns.unit_section_end[unit]
        return list(compressed_reads(*place))

    def reading_again_s(self, offset: int, length: int) -> float:
        """Work of reading those regions that are stored already; each is a file (fs/remote/blob.go `readFromCache`)."""
        regions, size = self.blob.stored_part(offset, length)
        return regions * self._world.host.region_read_s + size * self._world.host.region_read_s_per_byte

    def decode(self, unit: int, caching: Caching, timeline: Timeline, reading_s: float) -> Process:
        """Inflate, hash and cache a unit whose compressed bytes are here, with every chunk that shares it.

        reading_s: work of having read those bytes from the store.

        Source: stargz-snapshotter estargz/estargz.go, `fileReader.ReadAt`, and fs/reader/reader.go, `OpenFile`: the
        neighbours in a gzip member are cached one by one on the way to the chunk that is asked for.
        """
        world, host = self._world, self._world.host
        work_s = reading_s + self._columns.unit_raw[unit] * (host.hash_s_per_byte + caching.raw_byte_s)
        work_s += self._columns.unit_size[unit] * host.inflate_s_per_packed_byte
        work_s += self._columns.unit_chunks[unit] * caching.chunk_s
        yield from world.decode(self._node, work_s, INFLATE, timeline)
        self.loaded[unit] = 1

    def units(self) -> range:
        """Rows of all units of this layer, in order of offset."""
        return range(*self._columns.blob_units[self.layer])

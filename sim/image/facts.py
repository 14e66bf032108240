"""What is known of an image, its layers and their files: what `lazypull image show` prints."""

from dataclasses import dataclass

from sim.core.layout import Landmark


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkBucket:
    """Chunks of up to so many bytes of a file (None: more than the bucket before) and above the bucket before."""

    up_to_bytes: int | None
    chunks: int
    raw_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TocFacts:
    """A table of contents. packed_bytes: as fetched; raw_bytes: of its JSON. external: in the TOC image."""

    digest: str
    packed_bytes: int
    raw_bytes: int
    entries: int
    external: bool
    promised: bool  # by an annotation of the layer; without it, no snapshotter mounts the layer


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerFacts:
    """One layer; sizes in bytes. Null where an ordinary layer was not read, or does not have it.

    size_bytes: compressed. raw_size_bytes: of the tar. prefetch_bytes, prefetch_files: before the prefetch landmark, 0
    in a lazy layer without one. files: regular ones. units: what can be decoded alone; several chunks may share one.
    """

    number: int
    digest: str
    media_type: str
    format: str
    size_bytes: int
    raw_size_bytes: int | None
    files: int | None = None
    files_bytes: int | None = None
    landmark: Landmark | None = None
    prefetch_bytes: int | None = None
    prefetch_files: int | None = None
    chunks: int | None = None
    units: int | None = None
    chunk_sizes: tuple[ChunkBucket, ...] = ()
    toc: TocFacts | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFacts:
    """One entry of a layer. size_bytes: of a regular file, else 0. link: target of a link.

    packed_bytes: of what must be fetched to read it whole; of a unit that several share, its part. Null in an
    ordinary layer, all of which must be. first: it lies before the prefetch landmark; null without one.
    """

    layer: int
    path: str
    kind: str
    size_bytes: int
    link: str | None
    packed_bytes: int | None = None
    chunks: int | None = None
    first: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFacts:
    """An image; sizes in bytes. synthetic: made up by `image synth`. files: null when they were not asked for."""

    name: str
    digest: str
    media_type: str
    platform: str
    config_digest: str
    size_bytes: int
    synthetic: bool
    annotations: dict[str, str]
    layers: tuple[LayerFacts, ...]
    files: tuple[FileFacts, ...] | None

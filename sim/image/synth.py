"""Images of made-up files, for trying formats and sizes without a real image at hand; labelled synthetic throughout."""

import random
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

from sim.core.errors import BadInput
from sim.image.annotations import SYNTHETIC
from sim.image.filesizes import FileSizes, draw_sizes
from sim.image.filler import Filler
from sim.oci.descriptor import OCI_CONFIG, OCI_LAYER_GZIP, OCI_MANIFEST, Descriptor
from sim.oci.documents import encode, encode_manifest
from sim.oci.image import ImageSink
from sim.oci.packed import write_packed

FILES_PER_FOLDER = 100
MAX_LAYERS = 127  # overlayfs as Docker mounts it takes no more lowers than this
EPOCH = "1970-01-01T00:00:00Z"  # a fixed date: same options, same digests
FILE_MODE, FOLDER_MODE = 0o644, 0o755


@dataclass(frozen=True, slots=True, kw_only=True)
class SynthOptions:
    """What to make up; same options, same digests.

    size_bytes: of all files' contents, before compression. files: how many; None: as many as `file_sizes` needs.
    compressibility: share of the bytes that gzip saves, 0 … 1. seed: names the random numbers.
    """

    size_bytes: int
    file_sizes: FileSizes
    files: int | None = None
    compressibility: float = 0.5
    layers: int = 1
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Synthesised:
    """What was made. size_bytes: compressed layers; raw_size_bytes: contents of the files."""

    digest: str
    layers: int
    files: int
    size_bytes: int
    raw_size_bytes: int


def synthesise(
    sink: ImageSink,
    options: SynthOptions,
    *,
    scratch: Path | None = None,
    advance: Callable[[int], None] = lambda _: None,
) -> Synthesised:
    """Write an image of made-up files to `sink`, layer by layer, in bounded memory. Raises `BadInput`.

    scratch: where a layer lies until it is handed over. advance: hears of content bytes written.
    """
    sizes = _checked_sizes(options)
    layers: list[Descriptor] = []
    diff_ids: list[str] = []
    for part in _parts(sizes, options.layers):
        filler = Filler(options.seed, part.layer, compressibility=options.compressibility)
        with tempfile.NamedTemporaryFile(prefix="lazypull-synth-", dir=scratch) as file:
            layer, diff_id = _write_layer(cast("IO[bytes]", file), part, filler, advance)
            sink.put_blob(layer, Path(file.name))
        layers.append(layer)
        diff_ids.append(diff_id)
    label = encode(_label(options, sizes)).decode()
    config = sink.put_document(OCI_CONFIG, encode(_config(label, diff_ids)))
    manifest = sink.put_document(OCI_MANIFEST, encode_manifest(config, layers, annotations={SYNTHETIC: label}))
    sink.finish(manifest)
    return Synthesised(
        digest=manifest.digest,
        layers=len(layers),
        files=len(sizes),
        size_bytes=sum(layer.size for layer in layers),
        raw_size_bytes=sum(sizes),
    )


def _checked_sizes(options: SynthOptions) -> list[int]:
    if not 1 <= options.layers <= MAX_LAYERS:
        raise BadInput(f"{options.layers} layers: between 1 and {MAX_LAYERS} can be made")
    if not 0 <= options.compressibility <= 1:
        raise BadInput(f"compressibility {options.compressibility:g} must be from 0 (noise) to 1 (all alike)")
    if options.size_bytes < 0 or options.seed < 0:
        raise BadInput("size and seed must be 0 or more")
    return draw_sizes(options.size_bytes, options.file_sizes, random.Random(options.seed), files=options.files)


@dataclass(frozen=True, slots=True)
class _Part:
    """Files of one layer: number of the layer, number of its first file, size of each."""

    layer: int
    first: int
    sizes: Sequence[int]


def _parts(sizes: Sequence[int], layers: int) -> Iterator[_Part]:
    """Share the files out, the same number to each layer."""
    bounds = [len(sizes) * layer // layers for layer in range(layers + 1)]
    for layer in range(layers):
        yield _Part(layer, bounds[layer], sizes[bounds[layer] : bounds[layer + 1]])


def _write_layer(
    file: IO[bytes], part: _Part, filler: Filler, advance: Callable[[int], None]
) -> tuple[Descriptor, str]:
    """Write one layer to an open file; returns its descriptor and diff id."""

    def fill(archive: tarfile.TarFile) -> None:
        for member in _members(part):
            archive.addfile(member, cast("IO[bytes]", filler) if member.isreg() else None)
            advance(member.size)

    made = write_packed(file, fill)
    return Descriptor(media_type=OCI_LAYER_GZIP, digest=made.digest, size=made.size), made.diff_id


def _members(part: _Part) -> Iterator[tarfile.TarInfo]:
    """Headers of a layer's files, each folder before the first file in it. No two layers have a file in common."""
    made: set[PurePosixPath] = set()
    for number, size in enumerate(part.sizes, part.first):
        folder = PurePosixPath("synthetic", f"layer-{part.layer:03d}", f"{number // FILES_PER_FOLDER:05d}")
        for parent in reversed([folder, *folder.parents][:-1]):
            if parent not in made:
                made.add(parent)
                yield _member(str(parent), tarfile.DIRTYPE, FOLDER_MODE, 0)
        yield _member(f"{folder}/{number:07d}", tarfile.REGTYPE, FILE_MODE, size)


def _member(name: str, kind: bytes, mode: int, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.mode, member.size = kind, mode, size
    return member


def _label(options: SynthOptions, sizes: Sequence[int]) -> dict[str, Any]:
    return {
        "files": len(sizes),
        "size_bytes": options.size_bytes,
        "file_sizes": f"lognormal:{options.file_sizes.median_bytes:g}:{options.file_sizes.sigma:g}",
        "compressibility": options.compressibility,
        "seed": options.seed,
    }


def _config(label: str, diff_ids: Sequence[str]) -> dict[str, Any]:
    made = {"created": EPOCH, "created_by": "lazypull image synth", "comment": "made-up files"}
    return {
        "architecture": "amd64",
        "os": "linux",
        "created": EPOCH,
        "config": {"Labels": {SYNTHETIC: label}},
        "history": [made for _ in diff_ids],
        "rootfs": {"type": "layers", "diff_ids": list(diff_ids)},
    }

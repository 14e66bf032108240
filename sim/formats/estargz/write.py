"""Converting a layer: any tar, compressed or not, lazy already or not, to eStargz or zstd:chunked."""

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from sim.core.errors import RunFailed
from sim.core.source import Source
from sim.formats.estargz.options import WriteOptions
from sim.formats.estargz.write_end import external_footer, gzip_footer, write_tarred_toc, write_zstd_end
from sim.formats.estargz.write_index import index_tar
from sim.formats.estargz.write_order import Order, order_entries
from sim.formats.estargz.write_pack import packer_of
from sim.formats.estargz.write_parts import cut_parts
from sim.formats.estargz.write_spool import spooled_tar
from sim.formats.estargz.write_toc import TocWriter
from sim.formats.estargz.write_units import BlobOutput, UnitWriter
from sim.formats.tables import LAYER_MEDIA_TYPES

TOC_DIGEST = "containerd.io/snapshot/stargz/toc.digest"  # estargz/types.go, TOCJSONDigestAnnotation
RAW_SIZE = "io.containers.estargz.uncompressed-size"  # estargz/types.go, StoreUncompressedSizeAnnotation


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenBlob:
    """A converted layer. digest, toc_digest and diff_id are "sha256:…"; diff_id and raw_size_bytes are of its tar.

    annotations: of the layer's descriptor. missing: priorities that the layer has not.
    toc_file: blob with the TOC, for a layer that keeps it apart.
    """

    file: Path
    digest: str
    size_bytes: int
    diff_id: str
    raw_size_bytes: int
    toc_digest: str
    media_type: str
    annotations: Mapping[str, str]
    missing: tuple[str, ...]
    toc_file: Path | None


def write_layer(
    source: Source, file: Path, options: WriteOptions | None = None, *, workers: int | None = None
) -> WrittenBlob:
    """Convert a layer to a blob in `file`; an external TOC goes to a file of that name with ".toc" behind it.

    source: tar, tar.gz, tar.zst, eStargz or zstd:chunked. workers: threads, one for each CPU by default; the bytes
    do not depend on them. Memory is bounded whatever the layer. On any error nothing is left of `file`.
    Raises `BadBlob`, `BadInput` for options that make no sense, `RunFailed` when it cannot be written.
    """
    options = options or WriteOptions()
    options.check()
    workers = workers or len(os.sched_getaffinity(0))
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with spooled_tar(source, file.parent) as tar:
            index = index_tar(tar, options.chunk_size_bytes)
            order = order_entries(index, options.priorities or (), allow_missing=options.allow_missing)
            toc_file = file.with_name(file.name + ".toc") if options.external_toc else None
            with (
                TocWriter(file.parent, source.name) as toc,
                _renamed(file) as out,
                _renamed(toc_file) if toc_file else nullcontext() as toc_out,
            ):
                return _write(order, toc, _Target(file, out, toc_file, toc_out, options), workers)
    except OSError as error:
        raise RunFailed(f"{file}: cannot write the layer ({error.strerror}); choose another place") from None


@dataclass(frozen=True, slots=True)
class _Target:
    file: Path
    out: IO[bytes]
    toc_file: Path | None
    toc_out: IO[bytes] | None
    options: WriteOptions


def _write(order: Order, toc: TocWriter, target: _Target, workers: int) -> WrittenBlob:
    options, output = target.options, BlobOutput(target.out)
    packer = packer_of(options)
    units = UnitWriter(order.index.tar, packer, output, toc, min_bytes=options.min_chunk_size_bytes)
    units.write(cut_parts(order, options.chunk_size_bytes), workers)
    toc_digest = toc.close()
    annotations = {TOC_DIGEST: toc_digest}
    if options.compression == "zstd":
        annotations |= write_zstd_end(toc, packer, output)
    elif target.toc_out is not None:
        output.write(external_footer())
        write_tarred_toc(toc, packer, BlobOutput(target.toc_out))
    else:
        start = output.size
        write_tarred_toc(toc, packer, output)
        output.write(gzip_footer(start))
    return WrittenBlob(
        file=target.file,
        digest=f"sha256:{output.digest.hexdigest()}",
        size_bytes=output.size,
        diff_id=f"sha256:{output.diff.hexdigest()}",
        raw_size_bytes=output.raw_size,
        toc_digest=toc_digest,
        media_type=LAYER_MEDIA_TYPES[options.compression],
        annotations=annotations | {RAW_SIZE: str(output.raw_size)},
        missing=order.missing,
        toc_file=target.toc_file,
    )


@contextmanager
def _renamed(file: Path) -> Iterator[IO[bytes]]:
    """A file that gets its name when all was written, and vanishes on any error."""
    handle, name = tempfile.mkstemp(prefix=f".{file.name[:100]}.", dir=file.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as out:
            yield out
        temporary.chmod(0o644)
        temporary.rename(file)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise

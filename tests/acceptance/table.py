"""`docs/validation/acceptance.csv`: what was seen of each image in each option set."""

import os
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from sim.core.files import write_file
from sim.validation.tables import from_csv, to_csv
from tests.acceptance.options import OptionSet

TABLE_VARIABLE = "LAZYPULL_ACCEPTANCE"  # the file; without it nothing is written


class Row(msgspec.Struct, kw_only=True):
    """One image in one option set; what was not reached is None. Sizes in bytes.

    verified_layers: whose TOC the library's own VerifyTOC takes; that refuses chunks that share a gzip member.
    differences: between the source layers and what the library reads. toc_differences: to the reference converter's
    entries. asked_toc_digests: layers of which `ctr-remote` names the digest in the manifest.
    whole_requests: for whole layers. fetched_bytes: answers of the registry until the workload is ready.
    """

    workload: str
    format: str
    chunk_size_bytes: int
    min_chunk_size_bytes: int
    level: int
    landmark: bool
    layers: int
    image_bytes: int
    verified_layers: int | None = None
    files: int | None = None
    chunks: int | None = None
    content_bytes: int | None = None
    differences: int | None = None
    toc_entries: int | None = None
    toc_differences: int | None = None
    rpull_mounts: int | None = None
    rpull_whole_requests: int | None = None
    asked_toc_digests: int | None = None
    run_mounts: int | None = None
    run_whole_requests: int | None = None
    prefetched_layers: int | None = None
    fetched_bytes: int | None = None
    ready: bool = False
    measured_at: str = ""

    @property
    def key(self) -> tuple[object, ...]:
        """What the row is of."""
        settings = (self.format, self.chunk_size_bytes, self.min_chunk_size_bytes, self.level, self.landmark)
        return (self.workload, *settings)


def new_row(workload: str, options: OptionSet, layer_sizes: list[int]) -> Row:
    """A row of which nothing has been seen yet."""
    return Row(
        workload=workload,
        format=options.format,
        chunk_size_bytes=options.chunk_size_bytes,
        min_chunk_size_bytes=options.min_chunk_size_bytes,
        level=options.level,
        landmark=options.landmark,
        layers=len(layer_sizes),
        image_bytes=sum(layer_sizes),
        measured_at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%MZ"),
    )


def keep(row: Row) -> None:
    """Put a row into the table in place of an older one of the same; nothing where no table was asked for."""
    if TABLE_VARIABLE not in os.environ:
        return
    file = Path(os.environ[TABLE_VARIABLE])
    rows = {old.key: old for old in (from_csv(file, Row) if file.exists() else ())}
    rows[row.key] = row
    write_file(file, to_csv(sorted(rows.values(), key=lambda one: one.key), Row).encode())

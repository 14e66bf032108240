"""Bundles: a folder with one `header.json` and one Parquet file a table. Trees, layouts and traces are bundles.

The table schemas are declared once per noun; writing is deterministic, so the digest of a bundle is a
digest of its content. Format: docs/formats.md.
"""

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sim.core.errors import BadBundle
from sim.core.folder import new_folder

HEADER_FILE = "header.json"
MAX_HEADER_BYTES = 1 << 20
MAX_TABLE_ROWS = 20_000_000  # a bundle with more rows is refused: it would not fit the memory of a laptop
ROWS_AT_A_TIME = 1 << 13


@dataclass(frozen=True, slots=True)
class BundleKind:
    """What a bundle must look like: its name, schema version and the schema of each table."""

    name: str
    version: int
    tables: Mapping[str, pa.Schema]


def write_bundle(path: Path, kind: BundleKind, header: Mapping[str, Any], tables: Mapping[str, pa.Table]) -> None:
    """Write a bundle under a temporary name beside `path`, then rename it into place."""
    with new_folder(path) as work:
        full = {"kind": kind.name, "schema_version": kind.version, **header}
        (work / HEADER_FILE).write_bytes(msgspec.json.format(msgspec.json.encode(full, order="sorted"), indent=1))
        for name, schema in kind.tables.items():
            write_table(work / f"{name}.parquet", tables[name].cast(schema))


def read_bundle(path: Path | str, kind: BundleKind) -> tuple[dict[str, Any], dict[str, pa.Table]]:
    """Read and check a bundle. Raises `BadBundle` when it is missing, damaged, newer or of another kind."""
    path = Path(path)
    header = _read_header(path, kind)
    return header, {name: _read_table(path / f"{name}.parquet", schema) for name, schema in kind.tables.items()}


def bundle_digest(path: Path) -> str:
    """sha256 over the names and bytes of the bundle's files, in order of name."""
    total = hashlib.sha256()
    for file in sorted(path.iterdir()):
        total.update(file.name.encode() + b"\0" + hashlib.sha256(file.read_bytes()).digest())
    return f"sha256:{total.hexdigest()}"


def write_table(path: Path, table: pa.Table) -> None:
    """Write one Parquet file; same rows, same library version → same bytes."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        pq.write_table(table, temporary, compression="zstd", compression_level=9, store_schema=True)
        temporary.rename(path)
    finally:
        temporary.unlink(missing_ok=True)


def column(table: pa.Table, name: str) -> np.ndarray[Any, Any]:
    """A numeric or boolean column as a numpy array (no copy where there is one chunk and no null)."""
    values: np.ndarray[Any, Any] = table.column(name).combine_chunks().to_numpy(zero_copy_only=False)
    return values


def rows(table: pa.Table, *names: str) -> Iterator[dict[str, Any]]:
    """Rows of some columns as dictionaries, a few thousand in memory at a time."""
    for batch in table.select(names).to_batches(max_chunksize=ROWS_AT_A_TIME):
        yield from batch.to_pylist()


def _read_header(path: Path, kind: BundleKind) -> dict[str, Any]:
    file = path / HEADER_FILE
    try:
        raw = file.read_bytes() if file.stat().st_size <= MAX_HEADER_BYTES else b""
        header = msgspec.json.decode(raw, type=dict[str, Any])
    except FileNotFoundError:
        raise BadBundle(f"{path}: no {kind.name} here ({HEADER_FILE} is missing); check the path") from None
    except (OSError, msgspec.DecodeError) as error:
        raise BadBundle(f"{file}: damaged {kind.name} header ({error}); restore or record it again") from None
    if header.get("kind") != kind.name:
        raise BadBundle(f"{path}: is a {header.get('kind')!r} bundle, a {kind.name} is needed; check the path")
    version = header.get("schema_version")
    if not isinstance(version, int) or version > kind.version:
        raise BadBundle(
            f"{path}: {kind.name} schema {version}, this lazypull reads up to {kind.version}; update lazypull"
        )
    return header


def _read_table(file: Path, schema: pa.Schema) -> pa.Table:
    try:
        parquet = pq.ParquetFile(file)
        if parquet.metadata.num_rows > MAX_TABLE_ROWS:
            raise BadBundle(f"{file}: {parquet.metadata.num_rows} rows, at most {MAX_TABLE_ROWS} are read")
        return parquet.read().select(schema.names).cast(schema)
    except FileNotFoundError:
        raise BadBundle(f"{file}: table is missing; restore the bundle or make it again") from None
    except (OSError, KeyError, ValueError, pa.ArrowException) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise BadBundle(f"{file}: damaged table ({reason}); restore the bundle or make it again") from None

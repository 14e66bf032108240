"""`Host`: measured constants of a machine with their spread, kept as JSON; a reference one ships."""

import hashlib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import msgspec

from sim.core.errors import BadInput

HOST_SCHEMA_VERSION = 1


class Constant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One measured value: `value` in the unit its name says, `cv` its relative spread, `source` how it was had."""

    value: float
    cv: float
    source: str


class HostFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `hosts/*.json` holds."""

    schema_version: int
    machine: dict[str, Any]
    constants: dict[str, Constant]


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """Constants of one machine. "raw" means bytes after decompression; times are CPU seconds on one core.

    cores: how many the node's unpack, inflate, hash and workload share.
    """

    cores: int
    inflate_s_per_packed_byte: float  # compressed: its cost goes with what there is to decode
    hash_s_per_byte: float  # sha256, raw
    chunk_s: float  # one chunk into the client's cache: open, write, rename
    chunk_s_per_byte: float  # raw, writing that cache file
    ahead_chunk_s: float  # the same of a chunk decoded ahead of its touch, by a prefetch or a background fetch
    ahead_chunk_s_per_byte: float
    decode_beside: float  # processor seconds on other cores for each second of decoding or parsing: the collector
    region_s: float  # one region into the client's store: create, rename
    region_s_per_byte: float  # compressed, from socket to region cache and back
    region_read_s: float  # one region read again from there: open, close
    region_read_s_per_byte: float
    request_s: float  # client's own work for one HTTP request
    pull_s: float  # a pull's own work: before its first request and after its last layer
    document_s: float  # the client's work after tag, manifest and config each
    commit_s: float  # storing one downloaded layer
    commit_s_per_byte: float  # compressed: a downloaded layer is stored before it can be unpacked
    unpack_s_per_byte: float  # raw, untar: inflate, write
    unpack_s_per_packed_byte: float  # compressed, of the same
    unpack_s_per_file: float  # untar: create, attributes
    snapshot_s: float  # a full pull's bookkeeping of one layer
    fuse_read_s: float  # a read answered from the client's cache, as the asking process sees it
    fuse_read_s_per_byte: float
    fuse_lookup_s: float  # lookup, getattr, open, … answered from the index
    fuse_readdir_s: float  # one request of a listing
    fuse_mount_s: float  # mounting one lazy layer once it is resolved, bookkeeping included
    wake_s: float  # until a lazy client's answer leaves it when it has been idle
    busy_wake_s: float  # until a mount's does while it decodes on all cores
    toc_s: float  # reading one TOC, whatever its size
    toc_s_per_byte: float  # parsing it, per byte of JSON
    local_read_s: float  # a read from the page cache or disk of an unpacked snapshot
    local_read_s_per_byte: float
    local_lookup_s: float
    local_readdir_s: float
    create_s: float  # create a container on an unpacked snapshot
    lazy_create_s: float  # the same on layers that are mounted lazily
    start_s: float  # start → first instruction
    lazy_start_s: float  # the same on layers that are mounted lazily
    exit_s: float  # after the last instruction until the client knows


@dataclass(frozen=True, slots=True)
class LoadedHost:
    """A host with the spread of each constant and the digest of the file it came from."""

    host: Host
    cv: dict[str, float]
    digest: str
    machine: dict[str, Any]


def load_host(path: Path) -> LoadedHost:
    """Read a host file. Raises `BadInput` when a constant is missing, unknown, negative or not finite."""
    try:
        raw = path.read_bytes()
        parsed = msgspec.json.decode(raw, type=HostFile)
    except OSError as error:
        raise BadInput(f"{path}: cannot read host file ({error.strerror}); pass an existing one") from None
    except msgspec.DecodeError as error:
        raise BadInput(f'{path}: not a host file ({error}); see docs/model.md, "Host"') from None
    if parsed.schema_version > HOST_SCHEMA_VERSION:
        raise BadInput(f"{path}: host schema {parsed.schema_version} is newer than this lazypull; update it")
    names = {field.name for field in fields(Host)}
    for name in sorted(names ^ set(parsed.constants)):
        raise BadInput(f"{path}: constant {name!r} is {'missing' if name in names else 'unknown'}; measure it again")
    for name, constant in parsed.constants.items():
        if not 0 <= constant.value < float("inf"):
            raise BadInput(f"{path}: constant {name!r} is {constant.value}; it must be finite and not negative")
    values: dict[str, Any] = {name: constant.value for name, constant in parsed.constants.items()}
    values["cores"] = max(1, round(values["cores"]))
    spread = {name: constant.cv for name, constant in parsed.constants.items()}
    return LoadedHost(Host(**values), spread, f"sha256:{hashlib.sha256(raw).hexdigest()}", parsed.machine)

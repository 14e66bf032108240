"""Manifests, indexes and configs: JSON to values and back. Source: OCI image-spec v1.1; Docker manifest-v2-2.md.

Unknown keys are let through, as the specification asks for; what is missing, ambiguous or too large is refused.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from sim.core.errors import BadInput
from sim.oci.descriptor import INDEXES, MANIFESTS, NOTHING, OCI_INDEX, OCI_MANIFEST, SCHEMA_1, Descriptor, Platform
from sim.oci.reference import check_digest

# What registries take and clients read: distribution, registry/handlers/manifests.go, and distribution-spec, "Push"
DOCUMENT_BYTES_MAX = 4 << 20
SIZE_END = 1 << 63  # descriptor.md: size is an int64


class _Wire(msgspec.Struct, rename="camel"):
    """Base of what is in the JSON; keys in camel case."""


class _PlatformWire(_Wire):
    os: str = ""
    architecture: str = ""
    variant: str = ""


class _DescriptorWire(_Wire):
    digest: str
    size: int
    media_type: str = ""
    annotations: dict[str, str] | None = None
    platform: _PlatformWire | None = None


class _DocumentWire(_Wire):
    """A manifest or an index: which one is told by media type, and no document may be both."""

    schema_version: int = 0
    media_type: str = ""
    config: _DescriptorWire | None = None
    layers: list[_DescriptorWire] | None = None
    manifests: list[_DescriptorWire] | None = None
    annotations: dict[str, str] | None = None


class _RootFs(msgspec.Struct):
    diff_ids: list[str] | None = None


class _ConfigWire(msgspec.Struct):
    os: str = ""
    architecture: str = ""
    variant: str = ""
    rootfs: _RootFs = msgspec.field(default_factory=_RootFs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """One image: its config and its layers, bottom first."""

    config: Descriptor
    layers: tuple[Descriptor, ...]
    annotations: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigFacts:
    """What of a config the pull depends on; `diff_ids` are digests of the uncompressed layers, bottom first."""

    platform: Platform
    diff_ids: tuple[str, ...]


def parse_manifest(raw: bytes, *, media_type: str, where: str) -> Manifest:
    """Parse an image manifest, OCI or Docker schema 2. Raises `BadInput` naming `where`."""
    wire = _document(raw, media_type, MANIFESTS, where)
    if wire.manifests is not None:
        raise BadInput(f"{where}: a manifest that lists manifests is ambiguous; refuse this image")
    if wire.config is None or wire.layers is None:
        raise BadInput(f"{where}: the manifest has no config or no layers; it is no image, choose another")
    return Manifest(
        config=_descriptor(wire.config, where),
        layers=tuple(_descriptor(layer, where) for layer in wire.layers),
        annotations=wire.annotations or NOTHING,
    )


def parse_index(raw: bytes, *, media_type: str, where: str) -> tuple[Descriptor, ...]:
    """Parse an OCI index or Docker manifest list to its entries. Raises `BadInput` naming `where`."""
    wire = _document(raw, media_type, INDEXES, where)
    if wire.config is not None or wire.layers is not None:
        raise BadInput(f"{where}: an index with config or layers is ambiguous; refuse this image")
    if wire.manifests is None:
        raise BadInput(f"{where}: the index has no list of manifests; it is damaged, fetch it again")
    return tuple(_descriptor(entry, where) for entry in wire.manifests)


def parse_config(raw: bytes, *, where: str) -> ConfigFacts:
    """Parse an image config. Raises `BadInput` naming `where`."""
    wire = _decode(raw, _ConfigWire, where)
    platform = Platform(os=wire.os, architecture=wire.architecture, variant=wire.variant)
    diff_ids = tuple(_checked_digest(digest, where) for digest in wire.rootfs.diff_ids or ())
    return ConfigFacts(platform=platform, diff_ids=diff_ids)


def encode_manifest(
    config: Descriptor,
    layers: Sequence[Descriptor],
    *,
    annotations: Mapping[str, str] = NOTHING,
    media_type: str = OCI_MANIFEST,
) -> bytes:
    """JSON of a manifest; keys sorted, so the same parts give the same bytes."""
    document: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": media_type,
        "config": plain(config),
        "layers": [plain(layer) for layer in layers],
    }
    return encode(document | ({"annotations": dict(annotations)} if annotations else {}))


def encode_index(manifests: Sequence[Descriptor], *, media_type: str = OCI_INDEX) -> bytes:
    """JSON of an index; keys sorted."""
    return encode({"schemaVersion": 2, "mediaType": media_type, "manifests": [plain(entry) for entry in manifests]})


def plain(descriptor: Descriptor) -> dict[str, Any]:
    """A descriptor as it stands in JSON; keys without a value are left out."""
    document: dict[str, Any] = {
        "mediaType": descriptor.media_type,
        "digest": descriptor.digest,
        "size": descriptor.size,
    }
    if descriptor.annotations:
        document["annotations"] = dict(descriptor.annotations)
    if platform := descriptor.platform:
        document["platform"] = {"os": platform.os, "architecture": platform.architecture}
        document["platform"] |= {"variant": platform.variant} if platform.variant else {}
    return document


def encode(document: Mapping[str, Any] | Sequence[Any]) -> bytes:
    """JSON with sorted keys."""
    return msgspec.json.encode(document, order="sorted")


def describe(media_type: str, raw: bytes, *, platform: Platform | None = None) -> Descriptor:
    """The descriptor of a document."""
    digest = f"sha256:{hashlib.sha256(raw).hexdigest()}"
    return Descriptor(media_type=media_type, digest=digest, size=len(raw), platform=platform)


def media_type_of(raw: bytes, *, where: str) -> str:
    """The media type a manifest or index gives itself, else the OCI one its keys fit. Raises `BadInput`."""
    wire = _decode(raw, _DocumentWire, where)
    _refuse_schema_1(wire.media_type, wire, where)
    return wire.media_type or (OCI_INDEX if wire.manifests is not None else OCI_MANIFEST)


def _document(raw: bytes, media_type: str, wanted: tuple[str, ...], where: str) -> _DocumentWire:
    wire = _decode(raw, _DocumentWire, where)
    _refuse_schema_1(media_type, wire, where)
    if media_type not in wanted:
        raise BadInput(f"{where}: media type {media_type!r} is no image; lazypull reads {' and '.join(wanted)}")
    if wire.media_type not in ("", media_type):
        raise BadInput(f"{where}: says it is {wire.media_type!r} but came as {media_type!r}; refuse this image")
    return wire


def _refuse_schema_1(media_type: str, wire: _DocumentWire, where: str) -> None:
    if media_type in SCHEMA_1 or wire.media_type in SCHEMA_1 or wire.schema_version == 1:
        raise BadInput(
            f"{where}: a Docker schema 1 manifest, which names no layer sizes and is long given up;"
            " push the image again with a current docker, podman or skopeo"
        )


Wire = TypeVar("Wire", _DocumentWire, _ConfigWire)


def _decode(raw: bytes, kind: type[Wire], where: str) -> Wire:
    if len(raw) > DOCUMENT_BYTES_MAX:
        raise BadInput(f"{where}: {len(raw)} bytes, over the {DOCUMENT_BYTES_MAX} a manifest or config may have")
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadInput(f"{where}: not a manifest, index or config ({error}); fetch it again") from None


def _descriptor(wire: _DescriptorWire, where: str) -> Descriptor:
    if not 0 <= wire.size < SIZE_END:
        raise BadInput(f"{where}: {wire.digest[:80]!r} has a size of {wire.size} bytes; refuse this image")
    platform = None
    if wire.platform is not None:
        entry = wire.platform
        platform = Platform(os=entry.os, architecture=entry.architecture, variant=entry.variant)
    return Descriptor(
        media_type=wire.media_type,
        digest=_checked_digest(wire.digest, where),
        size=wire.size,
        annotations=wire.annotations or NOTHING,
        platform=platform,
    )


def _checked_digest(digest: str, where: str) -> str:
    try:
        return check_digest(digest)
    except BadInput as error:
        raise BadInput(f"{where}: {error}") from None

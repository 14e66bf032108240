"""Writing an OCI image layout: a folder of blobs, one manifest, one config. Source: OCI image-spec, image-layout.md."""

import hashlib
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from sim.oci.diff import LayerBlob

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
GZIP_LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"
REF_NAME = "org.opencontainers.image.ref.name"


@dataclass(frozen=True, slots=True)
class ImageLayer:
    """One layer of an image to be written: its facts, the file that holds it, annotations of its descriptor."""

    blob: LayerBlob
    file: Path
    annotations: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageConfig:
    """What the image says of the command it runs."""

    command: Sequence[str]
    env: Mapping[str, str]
    cwd: str


def write_image(folder: Path, tag: str, layers: Sequence[ImageLayer], config: ImageConfig) -> str:
    """Write `layers` as an OCI folder at `folder` and return the manifest's digest. Layer files are hard-linked."""
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True, exist_ok=True)
    for layer in layers:
        _link(layer.file, blobs / _hex(layer.blob.digest))
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": _put(blobs, CONFIG_TYPE, _config(layers, config)),
        "layers": [_descriptor(layer) for layer in layers],
    }
    entry = _put(blobs, MANIFEST_TYPE, manifest) | {"annotations": {REF_NAME: tag}}
    index = {"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [entry]}
    (folder / "oci-layout").write_bytes(_json({"imageLayoutVersion": "1.0.0"}))
    (folder / "index.json").write_bytes(_json(index))
    return str(entry["digest"])


def _config(layers: Sequence[ImageLayer], config: ImageConfig) -> dict[str, Any]:
    return {
        "architecture": "amd64",
        "os": "linux",
        "config": {
            "Cmd": list(config.command),
            "Env": [f"{key}={value}" for key, value in config.env.items()],
            "WorkingDir": config.cwd,
        },
        "rootfs": {"type": "layers", "diff_ids": [layer.blob.diff_id for layer in layers]},
    }


def _descriptor(layer: ImageLayer) -> dict[str, Any]:
    bare = {"mediaType": GZIP_LAYER_TYPE, "digest": layer.blob.digest, "size": layer.blob.size}
    return bare | ({"annotations": dict(layer.annotations)} if layer.annotations else {})


def _put(blobs: Path, media_type: str, document: dict[str, Any]) -> dict[str, Any]:
    raw = _json(document)
    digest = hashlib.sha256(raw).hexdigest()
    (blobs / digest).write_bytes(raw)
    return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(raw)}


def _link(source: Path, target: Path) -> None:
    if target.exists():
        return
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without hard links
        shutil.copyfile(source, target)


def _hex(digest: str) -> str:
    return digest.removeprefix("sha256:")


def _json(document: dict[str, Any]) -> bytes:
    return msgspec.json.encode(document, order="sorted")

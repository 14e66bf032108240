"""Writing the image a workload was built into as an OCI folder, blobs linked instead of copied."""

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sim.oci.descriptor import OCI_CONFIG, OCI_LAYER_GZIP, OCI_MANIFEST, Descriptor
from sim.oci.documents import describe, encode, encode_index, encode_manifest
from sim.oci.folder_image import INDEX_FILE, LAYOUT, LAYOUT_FILE, REF_NAME, blob_path
from sim.oci.packed import LayerBlob


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
    (folder / "blobs" / "sha256").mkdir(parents=True, exist_ok=True)
    for layer in layers:
        _link(layer.file, folder / blob_path(layer.blob.digest))
    described = _put(folder, OCI_CONFIG, _config(layers, config))
    manifest = _put(folder, OCI_MANIFEST, encode_manifest(described, [_descriptor(layer) for layer in layers]))
    (folder / LAYOUT_FILE).write_bytes(encode(LAYOUT))
    (folder / INDEX_FILE).write_bytes(encode_index([replace(manifest, annotations={REF_NAME: tag})]))
    return manifest.digest


def _config(layers: Sequence[ImageLayer], config: ImageConfig) -> bytes:
    return encode(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {
                "Cmd": list(config.command),
                "Env": [f"{key}={value}" for key, value in config.env.items()],
                "WorkingDir": config.cwd,
            },
            "rootfs": {"type": "layers", "diff_ids": [layer.blob.diff_id for layer in layers]},
        }
    )


def _descriptor(layer: ImageLayer) -> Descriptor:
    return Descriptor(
        media_type=OCI_LAYER_GZIP, digest=layer.blob.digest, size=layer.blob.size, annotations=layer.annotations
    )


def _put(folder: Path, media_type: str, raw: bytes) -> Descriptor:
    descriptor = describe(media_type, raw)
    (folder / blob_path(descriptor.digest)).write_bytes(raw)
    return descriptor


def _link(source: Path, target: Path) -> None:
    if target.exists():
        return
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without hard links
        shutil.copyfile(source, target)

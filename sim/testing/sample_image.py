"""Small images made without the code under test: standard library only, from the specification."""

import gzip
import hashlib
import io
import json
import random
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

OCI = "application/vnd.oci.image."
DOCKER = "application/vnd.docker."
OCI_INDEX_TYPE = f"{OCI}index.v1+json"


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleImage:
    """Bytes of an image: `raw_layers` are the tars, `layers` the same compressed, bottom first."""

    raw_layers: tuple[bytes, ...]
    layers: tuple[bytes, ...]
    config: bytes
    manifest: bytes
    manifest_type: str
    config_type: str
    layer_type: str

    @property
    def documents_and_blobs(self) -> tuple[bytes, ...]:
        """Everything a place has to hold for this image."""
        return (*self.layers, self.config, self.manifest)


def digest_of(data: bytes) -> str:
    """Digest of bytes, as "sha256:…"."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def sample_image(
    *, architecture: str = "amd64", variant: str = "", docker: bool = False, sizes: Sequence[int] = (1_300_000, 300)
) -> SampleImage:
    """An image with a layer of one incompressible file for each of `sizes`, in bytes; OCI or Docker media types."""
    raw = tuple(_layer(f"file-{number}", size, f"{architecture}{variant}") for number, size in enumerate(sizes))
    layers = tuple(gzip.compress(layer, compresslevel=1, mtime=0) for layer in raw)
    config = encode(
        {"os": "linux", "architecture": architecture, "config": {"Cmd": ["/file-0"]}}
        | ({"variant": variant} if variant else {})
        | {"rootfs": {"type": "layers", "diff_ids": [digest_of(layer) for layer in raw]}}
    )
    manifest_type = f"{DOCKER}distribution.manifest.v2+json" if docker else f"{OCI}manifest.v1+json"
    config_type = f"{DOCKER}container.image.v1+json" if docker else f"{OCI}config.v1+json"
    layer_type = f"{DOCKER}image.rootfs.diff.tar.gzip" if docker else f"{OCI}layer.v1.tar+gzip"
    manifest = {"schemaVersion": 2, "mediaType": manifest_type, "config": describe(config_type, config)}
    manifest["layers"] = [describe(layer_type, layer) for layer in layers]
    return SampleImage(
        raw_layers=raw,
        layers=layers,
        config=config,
        manifest=encode(manifest),
        manifest_type=manifest_type,
        config_type=config_type,
        layer_type=layer_type,
    )


def encode(document: object) -> bytes:
    """JSON, indented as docker writes it: readers must not depend on the spelling."""
    return json.dumps(document, indent=3).encode()


def describe(media_type: str, data: bytes, **more: Any) -> dict[str, Any]:
    """A descriptor as it stands in JSON."""
    return {"mediaType": media_type, "digest": digest_of(data), "size": len(data), **more}


def index_of(images: Mapping[tuple[str, str], SampleImage]) -> bytes:
    """An index of images by architecture and variant."""
    entries = [
        describe(image.manifest_type, image.manifest, platform=_platform(*platform))
        for platform, image in images.items()
    ]
    return encode({"schemaVersion": 2, "mediaType": OCI_INDEX_TYPE, "manifests": entries})


def write_layout(folder: Path, blobs: Sequence[bytes], roots: Sequence[dict[str, Any]]) -> None:
    """Write an OCI folder. Source: OCI image-spec, image-layout.md."""
    place = folder / "blobs" / "sha256"
    place.mkdir(parents=True, exist_ok=True)
    for blob in blobs:
        (place / digest_of(blob).removeprefix("sha256:")).write_bytes(blob)
    (folder / "oci-layout").write_bytes(encode({"imageLayoutVersion": "1.0.0"}))
    (folder / "index.json").write_bytes(encode({"schemaVersion": 2, "manifests": list(roots)}))


def tar_folder(folder: Path, file: Path) -> None:
    """Pack a folder as `tar -C FOLDER -c .` would."""
    with tarfile.open(file, "w") as archive:
        archive.add(folder, arcname=".")


def write_docker_save(file: Path, image: SampleImage, name: str, *, twice: bool = False) -> None:
    """Write an archive as `docker save` did before Docker 25: moby, image/tarexport/save.go.

    twice: the first layer a second time, as a symlink to the first, which docker writes for a layer it has written.
    """
    config_name = f"{digest_of(image.config).removeprefix('sha256:')}.json"
    names = [f"{number:064x}/layer.tar" for number in range(len(image.raw_layers))]
    with tarfile.open(file, "w") as archive:
        for layer, raw in zip(names, image.raw_layers, strict=True):
            _add(archive, layer, raw)
        if twice:
            link = tarfile.TarInfo(f"{'f' * 64}/layer.tar")
            link.type, link.linkname = tarfile.SYMTYPE, f"../{names[0]}"
            archive.addfile(link)
            names.append(link.name)
        _add(archive, config_name, image.config)
        _add(archive, "manifest.json", encode([{"Config": config_name, "RepoTags": [name], "Layers": names}]))


def _add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    archive.addfile(member, io.BytesIO(data))


def _platform(architecture: str, variant: str) -> dict[str, str]:
    return {"os": "linux", "architecture": architecture} | ({"variant": variant} if variant else {})


def _layer(name: str, size: int, seed: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        _add(archive, name, random.Random(f"{seed}/{name}").randbytes(size))
    return buffer.getvalue()

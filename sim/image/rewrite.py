"""Manifest and config of a converted image: layers and diff ids are new, all else is kept, in OCI's media types."""

from collections.abc import Sequence
from typing import Any

import msgspec

from sim.core.errors import BadInput
from sim.image.annotations import without_format
from sim.oci.descriptor import (
    DOCKER_CONFIG,
    DOCKER_LAYER,
    DOCKER_LAYER_GZIP,
    OCI_CONFIG,
    OCI_LAYER,
    OCI_LAYER_GZIP,
    OCI_LAYER_ZSTD,
    OCI_MANIFEST,
    Descriptor,
)
from sim.oci.documents import encode, encode_manifest, parse_config
from sim.oci.image import ImageSink, ImageSource

DOCKER_LAYER_ZSTD = "application/vnd.docker.image.rootfs.diff.tar.zstd"  # containerd, core/images/mediatypes.go
LAYERS = (OCI_LAYER, OCI_LAYER_GZIP, OCI_LAYER_ZSTD, DOCKER_LAYER, DOCKER_LAYER_GZIP, DOCKER_LAYER_ZSTD)
CONFIGS = (OCI_CONFIG, DOCKER_CONFIG)


def check_convertible(image: ImageSource) -> tuple[str, ...]:
    """Refuse what is no container image of ordinary layers. Returns the diff ids, bottom first. Raises `BadInput`."""
    if image.config.media_type not in CONFIGS:
        raise BadInput(
            f"{image.name}: its config is {image.config.media_type!r}, not that of a container image; choose another"
        )
    for number, layer in enumerate(image.layers):
        if layer.media_type not in LAYERS:
            raise BadInput(
                f"{image.name}: layer {number} is {layer.media_type!r}, which holds no plain tar of files"
                " (encrypted and foreign layers do not); it cannot be converted"
            )
    facts = parse_config(image.document(image.config), where=f"{image.name}: config {image.config.digest}")
    if len(facts.diff_ids) != len(image.layers):
        raise BadInput(
            f"{image.name}: {len(image.layers)} layers, but the config has {len(facts.diff_ids)} diff ids;"
            " the image is damaged, build it again"
        )
    return facts.diff_ids


def put_rewritten(
    image: ImageSource, sink: ImageSink, layers: Sequence[Descriptor], diff_ids: Sequence[str]
) -> Descriptor:
    """Give config and manifest with other layers to `sink`; returns the manifest. History and labels are kept."""
    document: dict[str, Any] = msgspec.json.decode(image.document(image.config))
    document["rootfs"] = {"type": "layers", "diff_ids": list(diff_ids)}
    config = sink.put_document(OCI_CONFIG, encode(document))
    return sink.put_document(OCI_MANIFEST, encode_manifest(config, layers, annotations=image.annotations))


def layer_descriptor(old: Descriptor, made: Descriptor) -> Descriptor:
    """The new blob's descriptor with what the old one's annotations said besides its format."""
    annotations = without_format(old.annotations) | dict(made.annotations)
    return Descriptor(media_type=made.media_type, digest=made.digest, size=made.size, annotations=annotations)

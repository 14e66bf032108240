"""TOC images: where layers without a TOC of their own have it, one blob a layer, in an image named after theirs.

Source: stargz-snapshotter, docs/estargz.md, "External TOC"; nativeconverter/estargz/externaltoc.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from sim.core.errors import BadInput
from sim.core.source import FileSource, sha256_of
from sim.image.annotations import LAYER_DIGEST
from sim.oci.descriptor import OCI_CONFIG, OCI_LAYER_GZIP, OCI_MANIFEST, Descriptor
from sim.oci.documents import encode_manifest
from sim.oci.image import ImageSink, ImageSource
from sim.oci.location import LocalLocation, parse_location
from sim.oci.reference import DEFAULT_TAG

TOC_SUFFIX = "-esgztoc"


def toc_reference(ref: str) -> str:
    """What the TOC image of the image `ref` is called. Raises `BadInput` where it can have none."""
    location = parse_location(ref)
    if isinstance(location, LocalLocation):
        if location.kind != "oci":
            raise BadInput(
                f"{ref}: layers with an external TOC need a second image beside theirs, which an archive does not"
                " hold; use an OCI folder or a registry, or keep the TOC inside"
            )
        return f"oci:{location.path}:{location.tag or DEFAULT_TAG}{TOC_SUFFIX}"
    if location.digest and not location.tag:
        raise BadInput(
            f"{ref}: the TOC image is found by the tag, and there is only a digest; write NAME:TAG@{location.digest}"
        )
    return f"docker://{location.name}:{location.tag or DEFAULT_TAG}{TOC_SUFFIX}"


def toc_of_layer(image: ImageSource, layer_digest: str) -> Descriptor:
    """The blob with the TOC of a layer. Raises `BadInput` when the TOC image has none."""
    for toc in image.layers:
        if toc.annotations.get(LAYER_DIGEST) == layer_digest:
            return toc
    raise BadInput(
        f"{image.name}: no TOC for layer {layer_digest} in this TOC image; convert the layer's image again,"
        " and both images will fit"
    )


def put_toc(sink: ImageSink, file: Path) -> Descriptor:
    """Give the blob of one TOC to `sink`; returns its descriptor."""
    with FileSource(file) as source:
        toc = Descriptor(media_type=OCI_LAYER_GZIP, digest=sha256_of(source), size=source.size)
    sink.put_blob(toc, file)
    return toc


def put_toc_image(sink: ImageSink, tocs: Mapping[str, Descriptor]) -> Descriptor:
    """Give `sink` config and manifest of the TOC image; returns the manifest.

    tocs: digest of each layer → its TOC, given to `sink` before. Nobody runs this image: its config is empty.
    """
    layers = [
        replace(toc, annotations={LAYER_DIGEST: digest})
        for digest, toc in sorted(tocs.items(), key=lambda item: item[1].digest)
    ]
    config = sink.put_document(OCI_CONFIG, b"{}")
    return sink.put_document(OCI_MANIFEST, encode_manifest(config, layers))

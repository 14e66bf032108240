"""Keys of annotations and labels that lazy layers and made-up images carry.

Sources: stargz-snapshotter, estargz/types.go, estargz/zstdchunked/zstdchunked.go,
nativeconverter/estargz/externaltoc/converter.go; containers/storage, pkg/chunked/internal/minimal/compression.go.
"""

from collections.abc import Mapping

TOC_DIGEST = "containerd.io/snapshot/stargz/toc.digest"  # of the TOC's JSON; without it no snapshotter mounts the layer
LAYER_DIGEST = "containerd.io/snapshot/stargz/layer.digest"  # in a TOC image: which layer's TOC this is
UNCOMPRESSED_SIZE = "io.containers.estargz.uncompressed-size"
ZSTD_PREFIXES = ("io.containers.zstd-chunked.", "io.github.containers.zstd-chunked.")
SYNTHETIC = "org.lazypull.synthetic"  # of a manifest, and label of its config: how the image was made up


def without_format(annotations: Mapping[str, str]) -> dict[str, str]:
    """A layer's annotations without those that say how its old blob was laid out."""
    dropped = {TOC_DIGEST, LAYER_DIGEST, UNCOMPRESSED_SIZE}
    return {
        key: value for key, value in annotations.items() if key not in dropped and not key.startswith(ZSTD_PREFIXES)
    }


def raw_size_of(annotations: Mapping[str, str]) -> int | None:
    """Bytes of a layer decompressed, as its annotation has it; None where it says nothing usable."""
    text = annotations.get(UNCOMPRESSED_SIZE, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None

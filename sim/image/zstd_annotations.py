"""What the annotations of a zstd:chunked layer say of its TOC, which readers without a footer go by.

Source: stargz-snapshotter, estargz/zstdchunked/zstdchunked.go: ManifestChecksumAnnotation, ManifestPositionAnnotation.
"""

import hashlib
from collections.abc import Iterator, Mapping

from sim.formats.estargz import EstargzBlob

CHECKSUM = "io.containers.zstd-chunked.manifest-checksum"  # sha256 of the TOC as it is compressed
POSITION = "io.containers.zstd-chunked.manifest-position"  # offset:compressed:raw:type
TYPE = 1  # manifestTypeCRFS


def zstd_faults(blob: EstargzBlob, annotations: Mapping[str, str]) -> Iterator[str]:
    """Annotations that are there and wrong."""
    if blob.footer.kind != "zstd-chunked":
        return
    place = blob.toc.place
    position = f"{place.offset}:{place.size}:{blob.toc.raw_size}:{TYPE}"
    packed = place.source.read_at(place.offset, place.size)
    checksum = f"sha256:{hashlib.sha256(packed).hexdigest()}"
    for key, right in ((POSITION, position), (CHECKSUM, checksum)):
        said = annotations.get(key, right)
        if said != right:
            yield f"{blob.source.name}: annotation {key} says {said[:100]!r}, it is {right!r}"

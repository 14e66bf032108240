"""Whether an image that is being written has all its parts."""

from collections.abc import Callable, Mapping

from sim.core.errors import RunFailed
from sim.oci.descriptor import Descriptor
from sim.oci.documents import parse_index, parse_manifest


def require_whole(
    root: Descriptor, documents: Mapping[str, bytes], has: Callable[[Descriptor], bool], where: str
) -> None:
    """Refuse to finish an image of which a part was never put. Raises `RunFailed`.

    documents: every document put, by digest. has: whether a blob or document is there.
    """
    parts = [root]
    while parts:
        part = parts.pop()
        if not has(part):
            raise RunFailed(
                f"{where}: {part.digest} was never written, so the image is not whole; nothing was published"
            )
        raw = documents.get(part.digest, b"")
        if part.is_index and raw:
            parts += parse_index(raw, media_type=part.media_type, where=where)
        elif part.is_manifest and raw:
            manifest = parse_manifest(raw, media_type=part.media_type, where=where)
            parts += [manifest.config, *manifest.layers]

"""An opened image over any store of blobs: which manifest it is, and its documents and blobs with their checks."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol, Self

from sim.core.errors import BadInput
from sim.core.source import Source
from sim.oci.descriptor import Descriptor, Platform
from sim.oci.documents import DOCUMENT_BYTES_MAX, Manifest, parse_config, parse_index, parse_manifest
from sim.oci.platform import acceptable, by_preference, rank
from sim.oci.transfer import CheckedSource, checked, write_pieces

LOOKS_MAX = 64  # documents read to find the one that fits; an index of indexes is allowed, a maze of them is not


class BlobStore(Protocol):
    """Where an image's documents and blobs lie. It checks nothing: `OpenedImage` does."""

    @property
    def name(self) -> str:
        """What error messages call this place."""

    def stream(self, descriptor: Descriptor) -> Iterator[bytes]:
        """All bytes, in pieces; possibly more or fewer than the descriptor says."""

    def source(self, descriptor: Descriptor) -> AbstractContextManager[Source]:
        """Random access; the source's size is that of what is there."""

    def close(self) -> None:
        """Let go of files and connections."""


class OpenedImage:
    """An image of a store, as `ImageSource`."""

    def __init__(self, store: BlobStore, manifest: Descriptor, parsed: Manifest) -> None:
        self._store = store
        self.name = store.name
        self.manifest = manifest
        self.config = parsed.config
        self.layers = parsed.layers
        self.annotations: Mapping[str, str] = parsed.annotations

    def document(self, descriptor: Descriptor) -> bytes:
        """Bytes of a manifest or config; at most 4 MiB, size and digest checked."""
        return read_document(self._store, descriptor)

    @contextmanager
    def blob(self, descriptor: Descriptor) -> Iterator[Source]:
        """Random access to a blob."""
        with self._store.source(descriptor) as source:
            yield CheckedSource(source, descriptor)

    def fetch(self, descriptor: Descriptor, file: Path) -> None:
        """Write the whole blob to `file`, or nothing."""
        write_pieces(checked(self._store.stream(descriptor), descriptor, self.name), file)

    def close(self) -> None:
        """Let go of files and connections."""
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def open_from(store: BlobStore, roots: Sequence[Descriptor], platform: Platform) -> OpenedImage:
    """Open the one image among `roots` that is for `platform`; a lone manifest is taken as it is, as containerd does.

    On an error the store is closed.
    """
    try:
        root = roots[0] if len(roots) == 1 else None
        if root is not None and root.is_index:
            roots = _entries(store, root)
        chosen = root if root is not None and not root.is_index else _choose(store, roots, platform)
        raw = read_document(store, chosen)
        parsed = parse_manifest(raw, media_type=chosen.media_type, where=f"{store.name}: manifest {chosen.digest}")
        return OpenedImage(store, chosen, parsed)
    except BaseException:
        store.close()
        raise


def read_document(store: BlobStore, descriptor: Descriptor) -> bytes:
    """Bytes of a small document, size and digest checked. Raises `BadBlob` or `BadInput`."""
    if descriptor.size > DOCUMENT_BYTES_MAX:
        raise BadInput(
            f"{store.name}: document {descriptor.digest} of {descriptor.size} bytes is over the {DOCUMENT_BYTES_MAX}"
            " a manifest or config may have; refuse this image"
        )
    return b"".join(checked(store.stream(descriptor), descriptor, store.name))


def _entries(store: BlobStore, index: Descriptor) -> tuple[Descriptor, ...]:
    where = f"{store.name}: index {index.digest}"
    return parse_index(read_document(store, index), media_type=index.media_type, where=where)


def _choose(store: BlobStore, entries: Sequence[Descriptor], platform: Platform) -> Descriptor:
    found = _Search(store, acceptable(platform)).best(entries)
    if found is None:
        known = sorted({str(entry.platform) for entry in entries if entry.platform})
        raise BadInput(f"{store.name}: no image for {platform}; pass a platform of {', '.join(known) or 'none listed'}")
    return found


class _Search:
    """The manifest that fits best, through indexes of indexes; ends after `LOOKS_MAX` documents."""

    def __init__(self, store: BlobStore, accepted: tuple[Platform, ...]) -> None:
        self._store = store
        self._accepted = accepted
        self._looks = 0

    def best(self, entries: Sequence[Descriptor]) -> Descriptor | None:
        for entry in by_preference(entries, self._accepted):
            if entry.is_index:
                self._count()
                if found := self.best(_entries(self._store, entry)):
                    return found
            elif entry.platform is not None or self._fits_by_config(entry):
                return entry
        return None

    def _fits_by_config(self, manifest: Descriptor) -> bool:
        if not manifest.is_manifest:
            return False
        self._count()
        name = self._store.name
        raw = read_document(self._store, manifest)
        parsed = parse_manifest(raw, media_type=manifest.media_type, where=f"{name}: manifest {manifest.digest}")
        raw = read_document(self._store, parsed.config)
        config = parse_config(raw, where=f"{name}: config {parsed.config.digest}")
        return rank(config.platform, self._accepted) is not None

    def _count(self) -> None:
        self._looks += 1
        if self._looks > LOOKS_MAX:
            raise BadInput(f"{self._store.name}: over {LOOKS_MAX} manifests without a platform; name one by its digest")

"""Images in a registry: opened by name, and pushed so that the name comes last."""

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Self

from sim.core.errors import BadBlob, BadInput, RunFailed
from sim.core.source import Source
from sim.oci.access import RegistryAccess
from sim.oci.descriptor import INDEXES, MANIFESTS, Descriptor, Platform
from sim.oci.documents import DOCUMENT_BYTES_MAX, describe, media_type_of
from sim.oci.opened import OpenedImage, open_from
from sim.oci.ranges import RangedBlob, RegistrySource
from sim.oci.reference import DEFAULT_TAG, Reference, check_digest
from sim.oci.registry import PULL, PUSH, Registry
from sim.oci.retry import Fault
from sim.oci.upload import has_blob, upload_blob
from sim.oci.whole import require_whole

ACCEPT = {"Accept": ", ".join((*INDEXES, *MANIFESTS))}
DIGEST_HEADER = "Docker-Content-Digest"


def open_from_registry(reference: Reference, access: RegistryAccess, platform: Platform) -> OpenedImage:
    """Open an image by its tag or digest. Raises `BadInput`, `BadBlob`, or `RunFailed`."""
    registry = Registry(reference, access, actions=PULL)
    try:
        root, raw = _resolve(registry, reference)
    except BaseException:
        registry.close()
        raise
    return open_from(RegistryStore(registry, {root.digest: raw}), [root], platform)


def _resolve(registry: Registry, reference: Reference) -> tuple[Descriptor, bytes]:
    raw, media_type, named = _get_manifest(registry, reference.wanted)
    digest = reference.digest or named
    if digest is not None:
        try:
            algorithm, _, expected = check_digest(digest).partition(":")
        except BadInput as error:
            raise BadInput(f"{registry.name}: {error}") from None
        if hashlib.new(algorithm, raw).hexdigest() != expected:
            raise BadBlob(f"{registry.name}: the manifest is not that of {digest}; ask the registry's operator")
    root = describe(media_type or media_type_of(raw, where=registry.name), raw)
    return Descriptor(media_type=root.media_type, digest=digest or root.digest, size=root.size), raw


def _get_manifest(registry: Registry, wanted: str) -> tuple[bytes, str, str | None]:
    """Bytes, media type without parameters, and the digest the registry says; read again if the body breaks off."""
    tries = registry.tries()
    while True:
        with registry.ask("GET", f"/manifests/{wanted}", accept=(200,), headers=ACCEPT, tries=tries) as answer:
            try:
                raw = answer.small(DOCUMENT_BYTES_MAX)
            except Fault as fault:
                broken = fault
            else:
                media_type = (answer.header("Content-Type") or "").partition(";")[0].strip()
                return raw, media_type, answer.header(DIGEST_HEADER)
        tries.again(broken)


class RegistryStore:
    """Documents and blobs of a repository. `known`: documents that came with resolving, by digest."""

    def __init__(self, registry: Registry, known: dict[str, bytes]) -> None:
        self._registry = registry
        self._known = known
        self.name = registry.name

    def stream(self, descriptor: Descriptor) -> Iterator[bytes]:
        """All bytes, going on where a connection broke."""
        if descriptor.digest in self._known:
            return iter([self._known[descriptor.digest]])
        if descriptor.is_manifest or descriptor.is_index:
            return iter([_get_manifest(self._registry, descriptor.digest)[0]])
        return RangedBlob(self._registry, descriptor).whole()

    def source(self, descriptor: Descriptor) -> AbstractContextManager[Source]:
        """Random access by Range requests; its size is the promised one, held against the answers."""
        return RegistrySource(self._registry, descriptor)

    def close(self) -> None:
        """Close the connections."""
        self._registry.close()


class RegistrySink:
    """Pushes an image, as `ImageSink`: blobs at once, manifests in the end, the named one last."""

    def __init__(self, reference: Reference, access: RegistryAccess) -> None:
        if reference.digest is not None:
            raise BadInput(f"{reference}: what is pushed gets its own digest; name a tag instead")
        self._registry = Registry(reference, access, actions=PUSH)
        self._tag = reference.tag or DEFAULT_TAG
        self._documents: dict[str, bytes] = {}
        self._descriptors: dict[str, Descriptor] = {}
        self._pushed: set[str] = set()
        self.name = self._registry.name

    def put_blob(self, descriptor: Descriptor, file: Path) -> None:
        """Upload a blob, unless the registry has it."""
        if descriptor.digest not in self._pushed:
            upload_blob(self._registry, descriptor, file)
            self._pushed.add(descriptor.digest)

    def put_document(self, media_type: str, data: bytes) -> Descriptor:
        """Keep a manifest for `finish`; upload any other document as the blob it is to a registry."""
        descriptor = describe(media_type, data)
        if not (descriptor.is_manifest or descriptor.is_index):
            with tempfile.NamedTemporaryFile() as file:
                file.write(data)
                file.flush()
                self.put_blob(descriptor, Path(file.name))
        self._documents[descriptor.digest] = data
        self._descriptors[descriptor.digest] = descriptor
        return descriptor

    def finish(self, manifest: Descriptor) -> None:
        """Push the manifests, `manifest` last and under the tag."""
        require_whole(manifest, self._documents, self._has, self.name)
        for descriptor in self._descriptors.values():
            if descriptor.digest != manifest.digest and (descriptor.is_manifest or descriptor.is_index):
                self._push(descriptor, descriptor.digest)
        self._push(manifest, self._tag)

    def _has(self, part: Descriptor) -> bool:
        return part.digest in self._documents or part.digest in self._pushed or has_blob(self._registry, part)

    def _push(self, descriptor: Descriptor, name: str) -> None:
        data = self._documents[descriptor.digest]
        headers = {"Content-Type": descriptor.media_type}
        place = f"/manifests/{name}"
        accept = (200, 201, 202)  # 201 is the specification's; some answer as they did before it
        with self._registry.ask(
            "PUT", place, accept=accept, headers=headers, body=lambda: [data], length=len(data)
        ) as answer:
            said = answer.header(DIGEST_HEADER)
        if said not in (None, descriptor.digest):
            raise RunFailed(f"{self.name}: the registry took the manifest for {said}; ask its operator")

    def close(self) -> None:
        """Close the connections. Blobs without a manifest are the registry's to collect."""
        self._registry.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

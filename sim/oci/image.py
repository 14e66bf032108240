"""Images as everything above sees them, wherever they lie: opened for reading, or being written."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol, Self

from sim.core.source import Source
from sim.oci.descriptor import Descriptor


class ImageSource(Protocol):
    """One image, opened: the manifest for one platform. Use it in a `with` statement.

    Errors are `BadInput` or `BadBlob` when what is there is wrong, `RunFailed` when a registry cannot be spoken to.
    """

    @property
    def name(self) -> str:
        """What error messages call this image."""

    @property
    def manifest(self) -> Descriptor:
        """The manifest that was chosen; its platform is set where an index named it."""

    @property
    def config(self) -> Descriptor:
        """The manifest's config."""

    @property
    def layers(self) -> tuple[Descriptor, ...]:
        """The manifest's layers, bottom first."""

    @property
    def annotations(self) -> Mapping[str, str]:
        """The manifest's annotations."""

    def document(self, descriptor: Descriptor) -> bytes:
        """Bytes of the config or the manifest: at most 4 MiB, size and digest checked."""

    def blob(self, descriptor: Descriptor) -> AbstractContextManager[Source]:
        """Random access to a blob; a registry answers by Range requests.

        The size is checked on opening; a read of the whole blob is checked against the digest, a part cannot be.
        """

    def fetch(self, descriptor: Descriptor, file: Path) -> None:
        """Write the whole blob to `file`, size and digest checked; an interrupted fetch leaves no such file."""

    def close(self) -> None:
        """Let go of files and connections; a second call does nothing."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *exc: object) -> None: ...


class ImageSink(Protocol):
    """An image being written: nothing is to be seen under its name before `finish`.

    Use it in a `with` statement: leaving it without `finish` undoes what was written, as far as it can be undone.
    """

    @property
    def name(self) -> str:
        """What error messages call this image."""

    def put_blob(self, descriptor: Descriptor, file: Path) -> None:
        """Take a layer or config from `file`, size and digest checked; a blob that is there already is skipped."""

    def put_document(self, media_type: str, data: bytes) -> Descriptor:
        """Take a config, manifest or index; returns the descriptor to point at it with."""

    def finish(self, manifest: Descriptor) -> None:
        """Make the image visible under its name; `manifest` is the root, given to `put_document` before."""

    def close(self) -> None:
        """Let go of files and connections; without `finish` before, undo. A second call does nothing."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *exc: object) -> None: ...

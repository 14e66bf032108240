"""The layers of an image, each opened the cheapest way: a few bytes, its table of contents, or all of it."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from sim.core.errors import BadBlob
from sim.core.source import FileSource, Source
from sim.formats.estargz import EstargzBlob, open_blob
from sim.formats.estargz.footer import Footer, read_footer
from sim.formats.tarlayer import TarLayer, layer_codec, read_tar_layer
from sim.image.annotations import TOC_DIGEST
from sim.image.toc_image import toc_of_layer, toc_reference
from sim.oci import RegistryAccess, open_image
from sim.oci.descriptor import Descriptor
from sim.oci.image import ImageSource
from sim.oci.location import LocalLocation, parse_location

ANYONE = RegistryAccess()
SHOWN_DIGEST = 19  # characters of "sha256:…" that name a layer in a message


@dataclass(frozen=True, slots=True)
class Named:
    """A source under a name that means something to whoever asked for the image."""

    source: Source
    name: str

    @property
    def size(self) -> int:
        """Bytes of the blob."""
        return self.source.size

    def read_at(self, offset: int, length: int) -> bytes:
        """Exactly `length` bytes from `offset`. Raises `BadBlob` when they are not all there."""
        return self.source.read_at(offset, length)


class ImageLayers:
    """The layers of one image. Close it, or use it in a `with` statement: it holds the image and its TOC image.

    scratch: folder for whole layers that come from a registry; the system's one by default.
    """

    def __init__(
        self, image: ImageSource, *, local: bool, open_tocs: Callable[[], ImageSource], scratch: Path | None
    ) -> None:
        self.image = image
        self._local, self._scratch, self._open_tocs = local, scratch, open_tocs
        self._tocs: ImageSource | None = None
        self._open = ExitStack()
        self._open.enter_context(image)

    def __len__(self) -> int:
        return len(self.image.layers)

    def name(self, number: int) -> str:
        """What messages call a layer."""
        return f"{self.image.name}: layer {number} ({self.image.layers[number].digest[:SHOWN_DIGEST]}…)"

    @contextmanager
    def parts(self, number: int) -> Iterator[Source]:
        """A layer for reading parts of it; of a registry, by Range requests."""
        with self.image.blob(self.image.layers[number]) as source:
            yield Named(source, self.name(number))

    @contextmanager
    def whole(self, number: int) -> Iterator[Source]:
        """A layer for reading all of it; from a registry it is fetched first, its digest checked."""
        if self._local:
            with self.parts(number) as source:
                yield source
            return
        with tempfile.TemporaryDirectory(prefix="lazypull-layer-", dir=self._scratch) as folder:
            file = Path(folder) / "blob"
            self.image.fetch(self.image.layers[number], file)
            with FileSource(file) as source:
                yield Named(source, self.name(number))

    def codec(self, number: int) -> str:
        """What an ordinary layer is compressed with, by its first bytes: gzip, zstd or raw."""
        with self.parts(number) as source:
            return layer_codec(source)

    def open_toc(self, number: int, source: Source) -> EstargzBlob | None:
        """Open a layer by its table of contents; None for an ordinary one. Raises `BadBlob`.

        A layer whose annotation promises a TOC must have it; without one, a footer that makes no sense is no footer.
        """
        descriptor = self.image.layers[number]
        footer = _footer(source, descriptor)
        if footer is None:
            return None
        digest = descriptor.annotations.get(TOC_DIGEST)
        if footer.kind != "external":
            return open_blob(source, toc_digest=digest)
        return open_blob(source, toc=self._toc_blob(descriptor), toc_digest=digest)

    def read_toc(self, number: int) -> EstargzBlob | None:
        """`open_toc` of a layer where it lies; the source is closed after."""
        with self.parts(number) as source:
            return self.open_toc(number, source)

    def read(self, number: int) -> EstargzBlob | TarLayer:
        """Files of a layer and their places; all of an ordinary layer is read for it. The source is closed after."""
        blob = self.read_toc(number)
        if blob is not None:
            return blob
        with self.whole(number) as source:
            return read_tar_layer(source)

    def _toc_blob(self, layer: Descriptor) -> Source:
        """A layer's own TOC blob; it stays open, since a check reads it once more."""
        if self._tocs is None:
            self._tocs = self._open.enter_context(self._open_tocs())
        toc = toc_of_layer(self._tocs, layer.digest)
        source = self._open.enter_context(self._tocs.blob(toc))
        return Named(source, f"{self._tocs.name}: TOC of layer {layer.digest[:SHOWN_DIGEST]}…")

    def close(self) -> None:
        """Let go of files and connections."""
        self._open.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def open_layers(
    ref: str, *, platform: str | None = None, access: RegistryAccess = ANYONE, scratch: Path | None = None
) -> ImageLayers:
    """Open the image that `ref` names; `ref`, `platform`, `access` and errors as in `sim.oci.open_image`."""
    return ImageLayers(
        open_image(ref, platform=platform, access=access),
        local=isinstance(parse_location(ref), LocalLocation),
        open_tocs=lambda: open_image(toc_reference(ref), access=access),
        scratch=scratch,
    )


def _footer(source: Source, descriptor: Descriptor) -> Footer | None:
    try:
        return read_footer(source)
    except BadBlob:
        if TOC_DIGEST in descriptor.annotations:
            raise
        return None

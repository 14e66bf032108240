"""An image as scripts and notebooks see it: its files and where their bytes lie."""

from functools import cached_property
from typing import Self

from sim.core.layout import Layout
from sim.core.tree import Tree
from sim.image.annotations import SYNTHETIC, raw_size_of
from sim.image.join import image_layout
from sim.image.layers import ANYONE, ImageLayers, open_layers
from sim.oci import RegistryAccess
from sim.oci.image import ImageSource


class Image:
    """An opened image. Use it in a `with` statement, or close it.

    Nothing but the manifest is read until it is asked for. Then lazy layers give their table of contents, a few
    requests each; an ordinary layer is read whole, once, and what comes from a registry is fetched for it.
    """

    def __init__(self, layers: ImageLayers) -> None:
        self._layers = layers

    @property
    def source(self) -> ImageSource:
        """Manifest, config and blobs."""
        return self._layers.image

    @property
    def name(self) -> str:
        """What messages call this image."""
        return self.source.name

    @property
    def tree(self) -> Tree:
        """The image's files, layer by layer. Raises `BadBlob`."""
        return self._read[0]

    @property
    def layout(self) -> Layout:
        """Where their bytes lie. Raises `BadBlob`."""
        return self._read[1]

    @cached_property
    def _read(self) -> tuple[Tree, Layout]:
        layers = self.source.layers
        return image_layout(
            [self._layers.read(number) for number in range(len(layers))],
            layers,
            [raw_size_of(layer.annotations) for layer in layers],
            synthetic=SYNTHETIC in self.source.annotations,
        )

    def close(self) -> None:
        """Let go of files and connections; a second call does nothing."""
        self._layers.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Image {self.name} {self.source.manifest.digest}: {len(self.source.layers)} layers>"


def open_image(ref: str, *, platform: str | None = None, access: RegistryAccess = ANYONE) -> Image:
    """Open an image: oci:FOLDER[:TAG], oci-archive:FILE[:TAG], docker-archive:FILE[:REPO:TAG], [docker://]NAME, a path.

    platform: "linux/arm64", …; this machine's by default. access: login and TLS of a registry; docker's by default.
    Raises `BadInput` or `BadBlob` for what is wrong, `RunFailed` when a registry cannot be spoken to.
    """
    return Image(open_layers(ref, platform=platform, access=access))

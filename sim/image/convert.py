"""Converting an image: each layer written anew as eStargz or zstd:chunked, then config and manifest; its name last."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from sim.core.source import FileSource
from sim.core.tree import Tree
from sim.formats.estargz import WriteOptions, WrittenBlob, write_layer
from sim.formats.files import LayerFiles
from sim.formats.tables import make_tree
from sim.formats.tarlayer import read_tar_layer
from sim.image.layers import ANYONE, ImageLayers, Named, open_layers
from sim.image.priorities import Priorities
from sim.image.rewrite import check_convertible, layer_descriptor, put_rewritten
from sim.image.toc_image import put_toc, put_toc_image
from sim.oci import RegistryAccess, create_image
from sim.oci.descriptor import Descriptor
from sim.oci.image import ImageSink

Choose = Callable[[Tree, int], Priorities]  # from the image's files and the number of its layers to what goes first
Step = Callable[[str, int], None]  # what is done now (fetch, read, convert, store), and with which layer


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvertedLayer:
    """One layer before and after. missing: files that were to go first and are not in it. toc: a TOC of its own."""

    old: Descriptor
    new: Descriptor
    diff_id: str
    prioritised: int
    missing: tuple[str, ...] = ()
    toc: Descriptor | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """The image that was written. missing: files that were to go first and are in no layer."""

    digest: str
    layers: tuple[ConvertedLayer, ...]
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvertOptions:
    """How to convert. write: of each layer, its priorities left open. choose: which files go first, None for none.

    workers: processors to use, None for all. scratch: folder for layers in work, the system's by default; one layer
    and its conversion fit in it, with `choose` all layers and the conversion of one.
    """

    write: WriteOptions
    choose: Choose | None = None
    workers: int | None = None
    scratch: Path | None = None


def convert_reference(
    source: str,
    target: str,
    options: ConvertOptions,
    *,
    platform: str | None = None,
    access: RegistryAccess = ANYONE,
    step: Step = lambda _text, _number: None,
) -> Converted:
    """`convert_image` from one reference to another, both as `sim.oci.open_image` takes them."""
    with (
        open_layers(source, platform=platform, access=access) as layers,
        create_image(target, access=access) as sink,
    ):
        return convert_image(layers, sink, options, step=step)


def convert_image(
    layers: ImageLayers,
    sink: ImageSink,
    options: ConvertOptions,
    *,
    toc_sink: ImageSink | None = None,
    step: Step = lambda _text, _number: None,
) -> Converted:
    """Convert an image into `sink`; nothing is to be seen there before all is done.

    toc_sink: takes the TOC image; needed for an external TOC, and finished first. step: hears what is done with which
    layer. Raises `BadInput`, `BadBlob`; `RunFailed` when a registry fails.
    """
    check_convertible(layers.image)
    with tempfile.TemporaryDirectory(prefix="lazypull-convert-", dir=options.scratch) as folder:
        work = _Work(layers, Path(folder), options, step)
        chosen = work.priorities()
        made = [work.convert(number, chosen.by_layer[number], sink, toc_sink) for number in range(len(layers))]
    manifest = put_rewritten(layers.image, sink, [layer.new for layer in made], [layer.diff_id for layer in made])
    if toc_sink is not None:
        toc_sink.finish(put_toc_image(toc_sink, {layer.new.digest: layer.toc for layer in made if layer.toc}))
    sink.finish(manifest)
    return Converted(digest=manifest.digest, layers=tuple(made), missing=chosen.missing)


class _Work:
    """Layers on their way through a scratch folder."""

    def __init__(self, layers: ImageLayers, folder: Path, options: ConvertOptions, step: Step) -> None:
        self._layers, self._folder, self._options, self._step = layers, folder, options, step
        self._old = layers.image.layers
        self._done: dict[tuple[str, tuple[str, ...]], ConvertedLayer] = {}

    def priorities(self) -> Priorities:
        """What goes first in each layer. With a choice to make, all layers are fetched for it and read."""
        choose = self._options.choose
        if choose is None:
            return Priorities(((),) * len(self._old))
        tree = make_tree([self._read(number) for number in range(len(self._old))])
        return choose(tree, len(self._old))

    def convert(
        self, number: int, first: tuple[str, ...], sink: ImageSink, toc_sink: ImageSink | None
    ) -> ConvertedLayer:
        """Convert one layer and hand it over; of equal layers with equal priorities only the first."""
        old = self._old[number]
        done = self._done.get((old.digest, first))
        if done is None:
            done = self._write(number, first, sink, toc_sink)
            self._done[old.digest, first] = done
        if all(later.digest != old.digest for later in self._old[number + 1 :]):
            self._place(number).unlink(missing_ok=True)
        return replace(done, old=old, new=layer_descriptor(old, done.new))

    def _write(
        self, number: int, first: tuple[str, ...], sink: ImageSink, toc_sink: ImageSink | None
    ) -> ConvertedLayer:
        fetched = self._fetched(number)
        self._step("convert", number)
        with FileSource(fetched) as source:
            written = write_layer(
                Named(source, self._layers.name(number)),
                self._folder / "converted",
                replace(self._options.write, priorities=first or None),
                workers=self._options.workers,
            )
        self._step("store", number)
        new = _descriptor(written)
        sink.put_blob(new, written.file)
        written.file.unlink()
        toc = None
        if written.toc_file is not None and toc_sink is not None:
            toc = put_toc(toc_sink, written.toc_file)
            written.toc_file.unlink()
        return ConvertedLayer(
            old=self._old[number],
            new=new,
            diff_id=written.diff_id,
            prioritised=len(first) - len(written.missing),
            missing=written.missing,
            toc=toc,
        )

    def _read(self, number: int) -> LayerFiles:
        file = self._fetched(number)
        self._step("read", number)
        with FileSource(file) as source:
            named = Named(source, self._layers.name(number))
            return (self._layers.open_toc(number, named) or read_tar_layer(named)).files

    def _fetched(self, number: int) -> Path:
        """A layer's blob, digest checked; fetched the first time."""
        file = self._place(number)
        if not file.exists():
            self._step("fetch", number)
            self._layers.image.fetch(self._old[number], file)
        return file

    def _place(self, number: int) -> Path:
        return self._folder / self._old[number].digest.replace(":", "-")


def _descriptor(written: WrittenBlob) -> Descriptor:
    return Descriptor(
        media_type=written.media_type,
        digest=written.digest,
        size=written.size_bytes,
        annotations=dict(written.annotations),
    )

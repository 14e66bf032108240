# ruff: noqa: D102 - the name of a test says what holds
"""Conformance suite of images: what every place that images are written to must do.

A place joins by subclassing `ImageSinkSuite` in its tests and overriding the abstract methods.
"""

from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from sim.core.errors import BadBlob, BadInput, LazypullError
from sim.oci import Descriptor, ImageSink, ImageSource
from sim.testing.image_source import PLATFORMS, descriptor, refused, written
from sim.testing.sample_image import OCI_INDEX_TYPE, SampleImage, digest_of, index_of, sample_image


class ImageSinkSuite:
    """Tests that hold for every place images are written to."""

    several_platforms = True

    def create(self) -> ImageSink:
        """Begin to write the image."""
        raise NotImplementedError

    def open(self, platform: str = "linux/amd64") -> ImageSource:
        """Open what was written. Raises `BadInput` while there is nothing."""
        raise NotImplementedError

    def leftovers(self) -> list[str]:
        """What is there, hidden or not, that belongs to no finished image."""
        raise NotImplementedError

    @pytest.fixture
    def image(self) -> SampleImage:
        return sample_image()

    def put(self, sink: ImageSink, image: SampleImage, folder: Path) -> Descriptor:
        """Put all of an image; returns its manifest."""
        for layer in image.layers:
            sink.put_blob(descriptor(image.layer_type, layer), written(folder, layer))
        config = sink.put_document(image.config_type, image.config)
        assert config == descriptor(image.config_type, image.config)
        return sink.put_document(image.manifest_type, image.manifest)

    def test_what_was_written_is_read_again(self, image: SampleImage, tmp_path: Path) -> None:
        with self.create() as sink:
            sink.finish(self.put(sink, image, tmp_path))
        with self.open() as opened:
            assert opened.document(opened.manifest) == image.manifest
            assert opened.document(opened.config) == image.config
            for layer, data in zip(opened.layers, image.layers, strict=True):
                with opened.blob(layer) as blob:
                    assert blob.read_at(0, blob.size) == data
        assert self.leftovers() == []

    def test_nothing_shows_before_the_end(self, image: SampleImage, tmp_path: Path) -> None:
        with self.create() as sink:
            self.put(sink, image, tmp_path)
            refused(self.open, BadInput)
        refused(self.open, BadInput)
        assert self.leftovers() == []

    def test_an_image_that_fails_leaves_the_older_one(self, image: SampleImage, tmp_path: Path) -> None:
        with self.create() as sink:
            sink.finish(self.put(sink, image, tmp_path))
        newer = sample_image(sizes=(10,))
        with suppress(KeyboardInterrupt), self.create() as sink:
            self.put(sink, newer, tmp_path)
            raise KeyboardInterrupt
        with self.open() as opened:
            assert opened.document(opened.manifest) == image.manifest
        assert self.leftovers() == []

    def test_a_newer_image_takes_the_name(self, image: SampleImage, tmp_path: Path) -> None:
        newer = sample_image(sizes=(10,))
        for each in (image, newer):
            with self.create() as sink:
                sink.finish(self.put(sink, each, tmp_path))
        with self.open() as opened:
            assert opened.document(opened.manifest) == newer.manifest

    def test_a_file_that_is_not_what_its_descriptor_says_is_refused(self, image: SampleImage, tmp_path: Path) -> None:
        layer = image.layers[1]
        with self.create() as sink:
            for wrong in (layer[:-1], layer + b"x", layer[:-1] + b"x"):
                file = written(tmp_path, wrong)
                refused(partial(sink.put_blob, descriptor(image.layer_type, layer), file), BadBlob)
            sink.finish(self.put(sink, image, tmp_path))  # it can go on with the right one
        with self.open() as opened, opened.blob(opened.layers[1]) as blob:
            assert blob.read_at(0, blob.size) == layer
        assert self.leftovers() == []

    def test_an_image_with_a_part_missing_is_not_finished(self, image: SampleImage, tmp_path: Path) -> None:
        with self.create() as sink:
            sink.put_blob(descriptor(image.layer_type, image.layers[0]), written(tmp_path, image.layers[0]))
            sink.put_document(image.config_type, image.config)
            manifest = sink.put_document(image.manifest_type, image.manifest)
            assert digest_of(image.layers[1]) in str(refused(lambda: sink.finish(manifest), LazypullError))
        refused(self.open, BadInput)
        assert self.leftovers() == []

    def test_a_blob_twice_is_a_blob_once(self, image: SampleImage, tmp_path: Path) -> None:
        with self.create() as sink:
            self.put(sink, image, tmp_path)
            sink.finish(self.put(sink, image, tmp_path))
        with self.open() as opened:
            assert opened.document(opened.config) == image.config

    def test_an_index_is_written_with_its_images(self, tmp_path: Path) -> None:
        if not self.several_platforms:
            pytest.skip("this place holds one platform only, by its format")
        images = {place: sample_image(architecture=place[0], variant=place[1], sizes=(50,)) for place in PLATFORMS}
        with self.create() as sink:
            for image in images.values():
                self.put(sink, image, tmp_path)
            sink.finish(sink.put_document(OCI_INDEX_TYPE, index_of(images)))
        with self.open("linux/arm64") as opened:
            assert opened.document(opened.config) == images["arm64", "v8"].config

# ruff: noqa: D102 - the name of a test says what holds
"""Conformance suites of images: what every place that images are read from, or written to, must do.

A place joins by subclassing `ImageSourceSuite` or `ImageSinkSuite` in its tests and overriding the abstract methods.
What is read was published by the test from `sim.testing.sample_image`, not by the code under test.
"""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from sim.core.errors import BadBlob, BadInput, LazypullError
from sim.oci import Descriptor, ImageSink, ImageSource
from sim.testing.sample_image import OCI_INDEX_TYPE, SampleImage, describe, digest_of, index_of, sample_image

PLATFORMS = (("arm", "v6"), ("amd64", ""), ("arm64", "v8"), ("arm", "v7"))


def descriptor(media_type: str, data: bytes) -> Descriptor:
    """The descriptor of bytes."""
    return Descriptor(media_type=media_type, digest=digest_of(data), size=len(data))


class ImageSourceSuite:
    """Tests that hold for every place images are read from."""

    keeps_manifest = True
    """Whether the place holds the manifest itself, with its digest."""
    several_platforms = True
    """Whether the place can hold an index."""

    def publish(self, image: SampleImage) -> None:
        """Put one image there."""
        raise NotImplementedError

    def publish_index(self, images: Mapping[tuple[str, str], SampleImage]) -> None:
        """Put an index and its images there."""
        raise NotImplementedError

    def open(self, *, tag: str | None = None, platform: str = "linux/amd64") -> ImageSource:
        """Open what was published."""
        raise NotImplementedError

    @pytest.fixture
    def image(self) -> SampleImage:
        return sample_image()

    def test_config_and_layers_are_those_published(self, image: SampleImage) -> None:
        self.publish(image)
        with self.open() as opened:
            assert opened.config.digest == digest_of(image.config)
            assert opened.document(opened.config) == image.config
            kept = image.layers if self.keeps_manifest else image.raw_layers
            assert [(layer.digest, layer.size) for layer in opened.layers] == [
                (digest_of(layer), len(layer)) for layer in kept
            ]

    def test_the_manifest_is_that_published(self, image: SampleImage) -> None:
        self.publish(image)
        with self.open() as opened:
            manifest = opened.document(opened.manifest)
            assert digest_of(manifest) == opened.manifest.digest
            assert json.loads(manifest)["config"]["digest"] == digest_of(image.config)
            if self.keeps_manifest:
                assert manifest == image.manifest
                assert opened.manifest.media_type == image.manifest_type
                assert {layer.media_type for layer in opened.layers} == {image.layer_type}

    def test_docker_media_types_are_as_good(self) -> None:
        image = sample_image(docker=True, sizes=(1000,))
        self.publish(image)
        with self.open() as opened:
            assert opened.document(opened.config) == image.config
            if self.keeps_manifest:
                assert opened.manifest.media_type == image.manifest_type

    @pytest.mark.parametrize(("offset", "length"), [(0, 1), (0, 0), (1000, 1_200_000), (-1, 1), (0, -1)])
    def test_any_part_of_a_blob_can_be_read(self, image: SampleImage, offset: int, length: int) -> None:
        self.publish(image)
        with self.open() as opened, opened.blob(opened.layers[0]) as blob:
            data = (image.layers if self.keeps_manifest else image.raw_layers)[0]
            assert blob.size == len(data)
            start = offset % len(data)  # negative ones count from the end
            size = length if length >= 0 else len(data)
            assert blob.read_at(start, size) == data[start : start + size]

    def test_a_part_outside_a_blob_is_refused(self, image: SampleImage) -> None:
        self.publish(image)
        with self.open() as opened, opened.blob(opened.layers[0]) as blob:
            for offset, length in [(-1, 1), (0, -1), (blob.size, 1), (0, blob.size + 1), (1 << 62, 1 << 62)]:
                with pytest.raises(BadBlob, match="not inside"):
                    blob.read_at(offset, length)

    def test_fetching_writes_the_whole_blob(self, image: SampleImage, tmp_path: Path) -> None:
        self.publish(image)
        with self.open() as opened:
            for number, layer in enumerate(opened.layers):
                opened.fetch(layer, tmp_path / "out" / str(number))
                assert digest_of((tmp_path / "out" / str(number)).read_bytes()) == layer.digest
        assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["0", "1"]

    def test_a_wrong_size_is_noticed(self, image: SampleImage, tmp_path: Path) -> None:
        self.publish(image)
        with self.open() as opened:
            real = opened.layers[0]
            for size in (real.size - 1, real.size + 1):
                wrong = Descriptor(media_type=real.media_type, digest=real.digest, size=size)
                for use in self.uses(opened, wrong, tmp_path):
                    refused(use, BadBlob)
        assert [path.name for path in tmp_path.rglob("*fetched*")] == []

    def test_a_blob_that_is_not_there_is_named(self, image: SampleImage, tmp_path: Path) -> None:
        self.publish(image)
        missing = Descriptor(media_type=image.layer_type, digest=digest_of(b"nowhere"), size=7)
        with self.open() as opened:
            for use in self.uses(opened, missing, tmp_path):
                assert missing.digest.removeprefix("sha256:") in str(refused(use, BadInput))
        assert [path.name for path in tmp_path.rglob("*fetched*")] == []

    def test_a_document_over_four_megabytes_is_not_read(self, image: SampleImage) -> None:
        self.publish(image)
        with self.open() as opened:
            giant = Descriptor(media_type=image.config_type, digest=digest_of(b""), size=(4 << 20) + 1)
            refused(lambda: opened.document(giant), BadInput)

    def test_an_unknown_tag_is_refused(self, image: SampleImage) -> None:
        self.publish(image)
        refused(lambda: self.open(tag="never-published"), BadInput)

    def test_the_platform_asked_for_is_chosen(self) -> None:
        if not self.several_platforms:
            pytest.skip("this place holds one platform only, by its format")
        images = {place: sample_image(architecture=place[0], variant=place[1], sizes=(50,)) for place in PLATFORMS}
        self.publish_index(images)
        # What containerd's platforms.Only prefers: compare_test.go
        wanted = {
            "linux/amd64": ("amd64", ""),
            "linux/x86_64": ("amd64", ""),
            "linux/arm64": ("arm64", "v8"),
            "linux/arm/v8": ("arm", "v7"),
            "linux/arm": ("arm", "v7"),
            "linux/arm/v6": ("arm", "v6"),
        }
        for platform, chosen in wanted.items():
            with self.open(platform=platform) as opened:
                assert opened.document(opened.config) == images[chosen].config, platform
        for platform in ("linux/riscv64", "windows/amd64", "linux/arm/v5"):
            assert "linux/amd64" in str(refused(partial(self.open, platform=platform), BadInput))

    def test_closing_twice_is_as_closing_once(self, image: SampleImage) -> None:
        self.publish(image)
        opened = self.open()
        opened.close()
        opened.close()

    def uses(self, opened: ImageSource, wanted: Descriptor, folder: Path) -> list[Callable[[], object]]:
        """Every way to read a blob."""

        def read_all() -> None:
            with opened.blob(wanted) as blob:
                blob.read_at(0, blob.size)

        def read_some() -> None:
            with opened.blob(wanted) as blob:
                blob.read_at(blob.size - 1, 1)

        return [read_all, read_some, lambda: opened.fetch(wanted, folder / "fetched")]


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


def written(folder: Path, data: bytes) -> Path:
    """A file with these bytes."""
    file = folder / f"bytes-of-{digest_of(data)[7:19]}"
    file.write_bytes(data)
    return file


def refused(use: Callable[[], object], kind: type[LazypullError]) -> LazypullError:
    """The error of `use`, which is one line for a stranger."""
    with pytest.raises(kind) as caught:
        use()
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500
    return caught.value


def root_of(image: SampleImage, **annotations: str) -> dict[str, object]:
    """An entry of index.json."""
    return describe(image.manifest_type, image.manifest, **({"annotations": annotations} if annotations else {}))

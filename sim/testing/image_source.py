# ruff: noqa: D102 - the name of a test says what holds
"""Conformance suite of images: what every place that images are read from must do.

A place joins by subclassing `ImageSourceSuite` in its tests and overriding the abstract methods.
What is read was published by the test from `sim.testing.sample_image`, not by the code under test.
"""

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import pytest

from sim.core.errors import BadBlob, BadInput, LazypullError
from sim.oci import Descriptor, ImageSource
from sim.testing.sample_image import SampleImage, describe, digest_of, sample_image

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

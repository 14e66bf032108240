"""Folders and archives of images: the conformance suites, and skopeo as a judge from outside."""

import resource
import shutil
import subprocess
import tarfile

import pytest

from sim.core.errors import BadInput, RunFailed
from sim.oci import create_image, open_image
from sim.testing.image_sink import ImageSinkSuite
from sim.testing.image_source import ImageSourceSuite, descriptor, refused, root_of, written
from sim.testing.sample_image import (
    OCI_INDEX_TYPE,
    describe,
    encode,
    index_of,
    sample_image,
    tar_folder,
    write_docker_save,
    write_layout,
)

NAME, REF = "io.containerd.image.name", "org.opencontainers.image.ref.name"


class InFolder:
    form, tag = "oci", "v1"

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path):
        self.place = tmp_path / "place" / "image"
        self.place.parent.mkdir()

    def open(self, *, tag=None, platform="linux/amd64"):
        return open_image(f"{self.form}:{self.place}:{tag or self.tag}", platform=platform)


class Published(InFolder, ImageSourceSuite):
    def publish(self, image):
        self.write(image.documents_and_blobs, root_of(image, **{REF: "v1", NAME: "docker.io/library/sample:v1"}))

    def publish_index(self, images):
        index = index_of(images)
        blobs = [part for image in images.values() for part in image.documents_and_blobs]
        self.write([*blobs, index], describe(OCI_INDEX_TYPE, index, annotations={REF: "v1"}))

    def write(self, blobs, root):
        write_layout(self.place, blobs, [root])


class TestFolderSource(Published):
    def test_an_index_file_with_manifests_of_several_platforms_is_an_index_too(self):
        images = [sample_image(architecture=name, sizes=(50,)) for name in ("s390x", "amd64", "arm64")]
        roots = [
            root_of(image) | {"platform": {"os": "linux", "architecture": name}}
            for image, name in zip(images, ("s390x", "amd64", "arm64"), strict=True)
        ]
        write_layout(self.place, [part for image in images for part in image.documents_and_blobs], roots)
        with open_image(f"{self.place}", platform="linux/arm64") as opened:
            assert opened.document(opened.config) == images[2].config

    def test_without_a_platform_the_config_tells(self):
        images = [sample_image(architecture=name, sizes=(50,)) for name in ("s390x", "arm64")]
        write_layout(self.place, [part for image in images for part in image.documents_and_blobs], map(root_of, images))
        with open_image(f"oci:{self.place}", platform="linux/arm64") as opened:
            assert opened.document(opened.config) == images[1].config

    def test_several_names_want_one_named(self):
        one, two = sample_image(sizes=(5,)), sample_image(sizes=(6,))
        roots = [root_of(one, **{REF: "one"}), root_of(two, **{REF: "two"})]
        write_layout(self.place, (*one.documents_and_blobs, *two.documents_and_blobs), roots)
        assert "one, two" in str(refused(lambda: open_image(f"oci:{self.place}"), BadInput))
        with self.open(tag="two") as opened:
            assert opened.document(opened.config) == two.config


class TestOciArchiveSource(Published):
    form = "oci-archive"

    def write(self, blobs, root):
        write_layout(self.place.parent / "folder", blobs, [root])
        tar_folder(self.place.parent / "folder", self.place)


class TestDockerArchiveSource(TestOciArchiveSource):
    """As Docker 25 and later save it."""

    form, tag = "docker-archive", "sample:v1"

    def publish_index(self, images):
        index = index_of(images)
        blobs = [part for image in images.values() for part in image.documents_and_blobs]
        self.write([*blobs, index], describe(OCI_INDEX_TYPE, index, annotations={NAME: "docker.io/library/sample:v1"}))


class TestOldDockerArchiveSource(InFolder, ImageSourceSuite):
    """As Docker before 25 saved it."""

    form, tag = "docker-archive", "sample:v1"
    keeps_manifest = several_platforms = False

    def publish(self, image):
        write_docker_save(self.place, image, "sample:v1")

    def test_a_layer_that_docker_wrote_once_and_linked_is_found(self):
        image = sample_image(sizes=(1000, 2000))
        config = encode({"os": "linux", "rootfs": {"diff_ids": [d["digest"] for d in _thrice(image)]}})
        write_docker_save(self.place, replace_config(image, config), "sample:v1", twice=True)
        with self.open() as opened, opened.blob(opened.layers[2]) as blob:
            assert blob.read_at(0, blob.size) == image.raw_layers[0]

    def test_compressed_layers_are_taken_as_they_are(self):
        image = sample_image(sizes=(1000,))
        packed = replace_layers(image, image.layers)
        write_docker_save(self.place, packed, "sample:v1")
        with self.open() as opened, opened.blob(opened.layers[0]) as blob:
            assert opened.layers[0].media_type.endswith("+gzip")
            assert blob.read_at(0, blob.size) == image.layers[0]


def _thrice(image):
    first, second = (describe("", layer) for layer in image.raw_layers)
    return [first, second, first]


def replace_config(image, config):
    return type(image)(**{name: getattr(image, name) for name in image.__slots__} | {"config": config})


def replace_layers(image, layers):
    return type(image)(**{name: getattr(image, name) for name in image.__slots__} | {"raw_layers": layers})


class Written(InFolder, ImageSinkSuite):
    def create(self):
        return create_image(f"{self.form}:{self.place}:{self.tag}")

    def open(self, platform="linux/amd64"):
        return open_image(f"{self.form}:{self.place}:{self.tag}", platform=platform)

    def leftovers(self):
        return [path.name for path in self.place.parent.iterdir() if path != self.place]

    def test_a_full_disk_is_told_and_leaves_nothing(self, image, tmp_path):
        blob, file = descriptor(image.layer_type, image.layers[0]), written(tmp_path, image.layers[0])
        sink = self.create()
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, before[1]))
        try:
            error = str(refused(lambda: sink.put_blob(blob, file), RunFailed))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        sink.close()
        assert str(self.place) in error or "blobs" in error
        assert "File too large" in error
        assert self.leftovers() == []

    def test_skopeo_reads_it_and_copies_it_on(self, image, tmp_path):
        if shutil.which("skopeo") is None:
            pytest.skip("SKOPEO IS MISSING (apt-get install skopeo): no other program reads what was written here")
        with self.create() as sink:
            sink.finish(self.put(sink, image, tmp_path))
        copied = tmp_path / "copied"
        source = f"{self.form}:{self.place}:{self.tag}"
        copy = ["skopeo", "copy", "--insecure-policy", source, f"docker-archive:{copied}:again:1"]
        done = subprocess.run(copy, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        with open_image(f"docker-archive:{copied}:again:1") as opened:  # and here we read what skopeo wrote
            for layer, raw in zip(opened.layers, image.raw_layers, strict=True):
                with opened.blob(layer) as blob:
                    assert blob.read_at(0, blob.size) == raw


class TestFolderSink(Written):
    def test_a_second_image_goes_beside_the_first(self, image, tmp_path):
        other = sample_image(sizes=(10,))
        for tag, each in (("v1", image), ("v2", other)):
            with create_image(f"oci:{self.place}:{tag}") as sink:
                sink.finish(self.put(sink, each, tmp_path))
        for tag, each in (("v1", image), ("v2", other)):
            with open_image(f"oci:{self.place}:{tag}") as opened:
                assert opened.document(opened.config) == each.config

    def test_a_folder_of_something_else_is_left_alone(self):
        self.place.mkdir()
        (self.place / "thesis.txt").write_text("years of work")
        refused(self.create, BadInput)
        assert [path.name for path in self.place.iterdir()] == ["thesis.txt"]


class TestOciArchiveSink(Written):
    form = "oci-archive"

    def test_the_same_image_gives_the_same_bytes(self, image, tmp_path):
        made = []
        for _ in range(2):
            with self.create() as sink:
                sink.finish(self.put(sink, image, tmp_path))
            made.append(self.place.read_bytes())
        assert made[0] == made[1]

    def test_tar_lists_it_without_complaint(self, image, tmp_path):
        with self.create() as sink:
            sink.finish(self.put(sink, image, tmp_path))
        listed = subprocess.run(["tar", "tf", self.place], capture_output=True, text=True, check=True)
        assert listed.stderr == ""
        assert listed.stdout.splitlines()[-1] == "index.json"


class TestDockerArchiveSink(TestOciArchiveSink):
    form, tag = "docker-archive", "sample:v1"
    several_platforms = False

    def test_tar_lists_it_without_complaint(self, image, tmp_path):
        with self.create() as sink:
            sink.finish(self.put(sink, image, tmp_path))
        with tarfile.open(self.place) as archive:
            assert archive.getnames()[-1] == "manifest.json"

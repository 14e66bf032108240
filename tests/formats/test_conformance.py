"""Every layer format runs the one suite."""

import gzip

import pytest

from sim.core.source import FileSource
from sim.formats.estargz import layers_layout
from sim.formats.tarlayer import tar_layout
from sim.testing.layer_format import LayerFormatSuite
from tests.formats.handmade import zstd_frame
from tests.formats.samples import NAMES, TARS, blob_path, open_sample, tar_path
from tests.formats.tar_oracle import tar_content_id


class TestEstargz(LayerFormatSuite):
    @pytest.fixture(params=NAMES)
    def blob(self, request):
        return blob_path(request.param)

    def build(self, blobs):
        return layers_layout([open_sample(FileSource(path)) for path in blobs])

    def expected_content_id(self, blob):
        return tar_content_id(tar_path(blob.stem))


class TestGzipTar(LayerFormatSuite):
    @pytest.fixture(params=TARS)
    def blob(self, request):
        return tar_path(request.param)

    def build(self, blobs):
        return tar_layout(blobs)

    def expected_content_id(self, blob):
        return tar_content_id(blob)

    def cuts(self, size):
        return [cut for cut in super().cuts(size) if cut > 1]  # none and one byte are an empty and a cut plain tar


class TestEstargzAsGzipTar(TestGzipTar):
    """An eStargz blob is an ordinary layer to those who do not know the format."""

    @pytest.fixture(params=["links", "names", "shared-prefetch"])
    def blob(self, request):
        return blob_path(request.param)

    def cuts(self, size):
        return [cut for cut in super().cuts(size) if cut not in range(size - 51, size)]


class TestZstdTar(LayerFormatSuite):
    @pytest.fixture(params=["sizes", "names", "prefetch"])
    def blob(self, request, tmp_path):
        path = tmp_path / f"{request.param}.tar.zst"
        raw = gzip.decompress(tar_path(request.param).read_bytes())
        path.write_bytes(zstd_frame(raw[:1024]) + zstd_frame(raw[1024:]))
        return path

    def build(self, blobs):
        return tar_layout(blobs)

    def expected_content_id(self, blob):
        return tar_content_id(tar_path(blob.name.removesuffix(".tar.zst")))

    def cuts(self, size):
        return [cut for cut in super().cuts(size) if cut > 1]


class TestChunkedAsZstdTar(TestZstdTar):
    """A zstd:chunked blob is an ordinary layer to those who do not know the format; its tar has no end blocks."""

    @pytest.fixture(params=["zstd-sizes", "zstd-kinds", "zstd-shared"])
    def blob(self, request):
        return blob_path(request.param)

    def expected_content_id(self, blob):
        return tar_content_id(tar_path(blob.stem))

    def cuts(self, size):
        return [cut for cut in super().cuts(size) if cut < size // 2]  # the TOC is passed over, not read


class TestPlainTar(LayerFormatSuite):
    @pytest.fixture(params=["sizes", "names", "prefetch"])
    def blob(self, request, tmp_path):
        path = tmp_path / f"{request.param}.tar"
        path.write_bytes(gzip.decompress(tar_path(request.param).read_bytes()))
        return path

    def build(self, blobs):
        return tar_layout(blobs)

    def expected_content_id(self, blob):
        return tar_content_id(blob)

    def cuts(self, size):
        return [1, 511, 513, 700, 1000]  # a plain tar cut in its final zeros is whole

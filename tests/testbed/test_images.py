"""An image that is not the one the catalogue has recorded is no subject for a measurement."""

from types import SimpleNamespace

import msgspec
import pyarrow as pa
import pytest

from sim.core.errors import BadInput
from sim.testbed.images import check_layers


def descriptor(digest):
    return {"mediaType": "x", "digest": digest, "size": 1}


@pytest.fixture
def folder(tmp_path):
    """An OCI folder of one image with layers a and b."""
    manifest = {"config": descriptor("sha256:c"), "layers": [descriptor("sha256:a"), descriptor("sha256:b")]}
    blobs = tmp_path / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    (blobs / "m").write_bytes(msgspec.json.encode(manifest))
    (tmp_path / "index.json").write_bytes(msgspec.json.encode({"manifests": [descriptor("sha256:m")]}))
    return tmp_path


def layout(*digests):
    return SimpleNamespace(blobs=pa.table({"digest": list(digests)}))


def test_the_recorded_image_passes(folder):
    check_layers(folder, layout("sha256:a", "sha256:b"))


@pytest.mark.parametrize(
    ("digests", "named"),
    [(("sha256:a", "sha256:z"), "recorded .sha256:b here"), (("sha256:a",), "recorded .sha256:b here")],
)
def test_another_image_is_refused_by_the_layer_that_differs(folder, digests, named):
    with pytest.raises(BadInput, match=named):
        check_layers(folder, layout(*digests))


def test_a_missing_layer_is_refused(folder):
    with pytest.raises(BadInput, match="only 2 layers here"):
        check_layers(folder, layout("sha256:a", "sha256:b", "sha256:z"))


def test_a_folder_without_an_image_is_refused(tmp_path):
    with pytest.raises(BadInput, match="not an OCI folder of one image"):
        check_layers(tmp_path, layout("sha256:a"))

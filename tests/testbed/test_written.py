"""An image written anew for a measurement holds the recorded files, in chunks and an order as asked."""

import pyarrow.compute as pc
import pytest

from sim.catalog import workload
from sim.catalog.cache import image_folder
from sim.core.tree import read_tree
from sim.image.opened import open_image
from sim.plan.layout_options import LayoutOptions
from sim.testbed.written import write_anew

WORKLOAD = "web"
CHUNK_BYTES = 1 << 20


@pytest.fixture(autouse=True)
def built():
    if not (image_folder(WORKLOAD) / "oci").is_dir():
        pytest.skip(f"AN IMAGE WRITTEN ANEW IS NOT LOOKED AT: {WORKLOAD} is not built here (make images)")


@pytest.mark.parametrize("first", [("etc/passwd", "etc/group"), ()])
def test_the_image_is_as_asked(tmp_path, first):
    options = LayoutOptions(chunk_size_bytes=CHUNK_BYTES, priorities=(first, (), ()))
    layout = write_anew(WORKLOAD, options, tmp_path / "oci")
    assert layout.blobs.column("landmark").to_pylist()[0] == ("prefetch" if first else "no_prefetch")
    assert pc.max(layout.extents.column("length")).as_py() == CHUNK_BYTES  # web has files of more than a chunk
    with open_image(f"oci:{tmp_path / 'oci'}") as image:
        assert set(files(image.tree)) == set(files(read_tree(workload(WORKLOAD).tree)))


def files(tree):
    """Layer, path and content of each regular file."""
    rows = tree.files.filter(pc.equal(tree.files.column("kind").cast("string"), "reg")).to_pylist()
    return [(row["layer"], row["path"], row["digest"]) for row in rows if "landmark" not in row["path"]]

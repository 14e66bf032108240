"""`sim.open_image`: tree and layout of an image, the same as its layers give when they are read by themselves."""

import pytest

import sim
from sim.core.bundle import column
from sim.core.layout import LAYOUT_KIND
from sim.core.tree import FILES_SCHEMA
from sim.formats.tarlayer import tar_layout
from sim.image.filesizes import FileSizes
from sim.image.synth import SynthOptions, synthesise
from sim.oci import create_image
from tests.formats.samples import FACTS, tar_path
from tests.image.images import put_image, reference_layer, tar_layer


@pytest.mark.parametrize(
    ("layers", "name"),
    [
        ([tar_layer("sizes"), tar_layer("links")], "gzip"),
        ([reference_layer("sizes"), reference_layer("links")], "estargz"),
        ([tar_layer("sizes"), reference_layer("links")], "estargz+gzip"),
        ([reference_layer("zstd-sizes"), tar_layer("links")], "gzip+zstd-chunked"),
    ],
)
def test_content_does_not_depend_on_the_format(layers, name, tmp_path):
    expected, _ = tar_layout([tar_path("sizes"), tar_path("links")])
    put_image(f"oci:{tmp_path}/i", layers, tmp=tmp_path)
    with sim.open_image(f"{tmp_path}/i") as image:
        assert image.tree.content_id == image.layout.content_id == expected.content_id
        assert image.layout.format == name
        assert image.source.manifest.digest in repr(image)


def test_tables_of_mixed_layers_point_where_they_should(tmp_path):
    put_image(
        f"oci:{tmp_path}/i", [tar_layer("sizes"), reference_layer("links"), reference_layer("zstd-sizes")], tmp=tmp_path
    )
    with sim.open_image(f"{tmp_path}/i") as image:
        tree, layout = image.tree, image.layout
    assert tree.files.schema == FILES_SCHEMA
    for table, schema in LAYOUT_KIND.tables.items():
        assert getattr(layout, table).schema == schema
    blob, entry_layer = column(layout.units, "blob"), column(layout.entries, "layer")
    assert blob.tolist() == sorted(blob.tolist())
    assert set(blob.tolist()) == set(entry_layer.tolist()) == {0, 1, 2}
    unit, entry = column(layout.extents, "unit"), column(layout.extents, "entry")
    assert (blob[unit] == entry_layer[entry]).all()
    covered = {}
    for row in layout.extents.to_pylist():
        covered[row["entry"]] = covered.get(row["entry"], 0) + row["length"]
    sizes = column(layout.entries, "size")
    assert all(covered.get(row, 0) == sizes[row] for row in range(len(sizes)))
    assert layout.blobs.column("raw_size").to_pylist()[1:] == [
        FACTS[name]["uncompressed_size"] for name in ("links", "zstd-sizes")
    ]


def test_a_made_up_image_says_so_in_tree_and_layout(tmp_path):
    with create_image(f"oci:{tmp_path}/i") as sink:
        synthesise(sink, SynthOptions(size_bytes=10_000, file_sizes=FileSizes(1000, 0)))
    with sim.open_image(f"{tmp_path}/i") as image:
        assert image.tree.synthetic
        assert image.layout.synthetic
        assert image.tree.files.num_rows == 10 + 3  # ten files and the folders above them


def test_an_image_without_layers_is_empty(tmp_path):
    put_image(f"oci:{tmp_path}/i", [], tmp=tmp_path)
    with sim.open_image(f"{tmp_path}/i") as image:
        assert image.tree.files.num_rows == image.layout.blobs.num_rows == 0

"""What `show` says of an image, held against what the reference reader saw in the same blobs."""

import gzip

import pytest

from sim.core.errors import BadBlob, BadInput
from sim.image.layers import open_layers
from sim.image.show import show_image
from tests.formats.samples import FACTS, reference_dump
from tests.image.images import (
    TOC_DIGEST,
    UNCOMPRESSED_SIZE,
    Layer,
    made_layer,
    put_image,
    reference_layer,
    reference_toc,
    sha,
    tar_layer,
)

LANDMARK = ".prefetch.landmark"
FORMATS = {
    "prefetch": "eStargz",
    "shared-prefetch": "eStargz",
    "sizes": "eStargz",
    "legacy": "stargz",
    "zstd-prefetch": "zstd:chunked",
}


def shown(ref, **options):
    with open_layers(ref) as layers:
        return show_image(layers, **options)


def reference_files(name):
    """Regular files as the reference reader lists them, by path, markers left out."""
    _, entries = reference_dump(name)
    return {entry["path"]: entry for entry in entries if entry["type"] == "reg" and "landmark" not in entry["path"]}


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_a_layer_is_what_the_reference_reader_sees(name, tmp_path):
    put_image(f"oci:{tmp_path}/i", [reference_layer(name)], tmp=tmp_path)
    (layer,) = shown(f"{tmp_path}/i").layers
    head, entries = reference_dump(name)
    own = [entry for entry in reference_files(name).values() if entry["name"] == entry["path"]]  # not hard links
    assert (layer.format, layer.size_bytes) == (FORMATS[name], head["size"])
    assert layer.raw_size_bytes == int(reference_layer(name).annotations[UNCOMPRESSED_SIZE])
    assert layer.toc.digest == head["toc_digest"]
    assert layer.toc.promised
    assert (layer.files, layer.files_bytes) == (len(own), sum(entry["size"] for entry in own))
    assert layer.chunks == sum(len(entry["chunks"]) for entry in own)
    assert sum(bucket.chunks for bucket in layer.chunk_sizes) == layer.chunks
    assert sum(bucket.raw_bytes for bucket in layer.chunk_sizes) == layer.files_bytes
    landmarks = [entry for entry in entries if entry["path"] == LANDMARK]
    assert layer.landmark == ("prefetch" if landmarks else "no_prefetch" if name != "legacy" else "absent")
    assert layer.prefetch_bytes == (landmarks[0]["chunks"][0]["offset"] if landmarks else 0)


def test_an_external_toc_is_found_in_the_toc_image(tmp_path):
    put_image(f"oci:{tmp_path}/i:app", [reference_layer("external")], tmp=tmp_path)
    with pytest.raises(BadInput, match="app-esgztoc"):
        shown(f"oci:{tmp_path}/i:app")
    put_image(f"oci:{tmp_path}/i:app-esgztoc", [reference_toc("external")], tmp=tmp_path)
    (layer,) = shown(f"oci:{tmp_path}/i:app").layers
    assert layer.format == "eStargz, external TOC"
    assert layer.toc.external
    assert layer.toc.digest == FACTS["external"]["toc_digest"]
    assert layer.toc.packed_bytes == len(reference_toc("external").data)


def test_a_toc_image_of_another_conversion_is_no_help(tmp_path):
    put_image(f"oci:{tmp_path}/i:app", [reference_layer("external")], tmp=tmp_path)
    put_image(f"oci:{tmp_path}/i:app-esgztoc", [reference_toc("external-shared")], tmp=tmp_path)
    with pytest.raises(BadInput, match="no TOC for layer"):
        shown(f"oci:{tmp_path}/i:app")


@pytest.mark.parametrize(("media_type", "kind"), [("tar+gzip", "tar.gz"), ("tar", "tar")])
def test_an_ordinary_layer_is_read_only_for_its_files(media_type, kind, tmp_path):
    layer = made_layer({"d": None, "d/f": b"12345", "l": "-> d/f"})
    data = layer.data if kind == "tar.gz" else gzip.decompress(layer.data)
    put_image(f"oci:{tmp_path}/i", [Layer(data, layer.diff_id, f"application/vnd.oci.image.layer.v1.{media_type}")],
              tmp=tmp_path)  # fmt: skip
    (quick,) = shown(f"{tmp_path}/i").layers
    assert (quick.format, quick.files, quick.toc, quick.raw_size_bytes) == (kind, None, None, None)
    facts = shown(f"{tmp_path}/i", with_files=True)
    assert facts.layers[0].files_bytes == 5
    assert facts.layers[0].raw_size_bytes == len(gzip.decompress(layer.data))
    assert [(file.path, file.kind, file.size_bytes, file.link, file.first) for file in facts.files] == [
        ("d", "dir", 0, None, None),
        ("d/f", "reg", 5, None, None),
        ("l", "symlink", 0, "d/f", None),
    ]


@pytest.mark.parametrize("name", ["prefetch", "zstd-prefetch"])
def test_files_before_the_landmark_and_what_each_needs(name, tmp_path):
    put_image(f"oci:{tmp_path}/i", [reference_layer(name)], tmp=tmp_path)
    facts = shown(f"{tmp_path}/i", with_files=True)
    landmark = next(entry for entry in reference_dump(name)[1] if entry["path"] == LANDMARK)["chunks"][0]["offset"]
    reference = reference_files(name)
    regular = {file.path: file for file in facts.files if file.kind == "reg"}
    for path, file in regular.items():
        chunks = reference[path]["chunks"]
        assert file.chunks == len(chunks)
        if chunks:
            assert file.first == (chunks[0]["offset"] < landmark)
            ends = [chunk["offset"] for other in reference_dump(name)[1] for chunk in other["chunks"]]
            payload_end = reference_dump(name)[0]["toc_offset"] - (8 if name.startswith("zstd") else 0)
            expected = sum(
                min([end for end in ends if end > chunk["offset"]], default=payload_end) - chunk["offset"]
                for chunk in chunks
            )
            assert file.packed_bytes == expected
    assert facts.layers[0].prefetch_files == sum(file.first for file in regular.values())


def test_members_shared_by_files_are_shared_out(tmp_path):
    put_image(f"oci:{tmp_path}/i", [reference_layer("shared")], tmp=tmp_path)
    facts = shown(f"{tmp_path}/i", with_files=True)
    offsets = {chunk["offset"] for entry in reference_files("shared").values() for chunk in entry["chunks"]}
    payload = reference_dump("shared")[0]["toc_offset"] - min(offsets)
    assert facts.layers[0].units == len(offsets | {landmark_offset("shared")})
    assert sum(file.packed_bytes for file in facts.files) == pytest.approx(payload, abs=len(facts.files) + 200)


def landmark_offset(name):
    entry = next(entry for entry in reference_dump(name)[1] if "landmark" in entry["path"])
    return entry["chunks"][0]["offset"]


def test_a_promised_toc_that_is_not_there_is_an_error_and_an_unpromised_one_is_told(tmp_path):
    tar = tar_layer("sizes")
    tar.annotations = {TOC_DIGEST: FACTS["sizes"]["toc_digest"]}
    put_image(f"oci:{tmp_path}/i:promised", [tar], tmp=tmp_path)
    with pytest.raises(BadBlob, match="no eStargz"):
        shown(f"oci:{tmp_path}/i:promised")
    lazy = reference_layer("sizes")
    lazy.annotations = {}
    put_image(f"oci:{tmp_path}/i:silent", [lazy], tmp=tmp_path)
    assert not shown(f"oci:{tmp_path}/i:silent").layers[0].toc.promised


def test_the_image_is_named_and_counted(tmp_path):
    layers = [tar_layer("sizes"), reference_layer("prefetch")]
    manifest = put_image(f"oci:{tmp_path}/i", layers, tmp=tmp_path, annotations={"a": "b"})
    facts = shown(f"{tmp_path}/i")
    assert facts.digest == manifest.digest
    assert facts.platform == "linux/amd64"
    assert facts.annotations == {"a": "b"}
    assert facts.size_bytes == sum(len(layer.data) for layer in layers)
    assert [layer.digest for layer in facts.layers] == [sha(layer.data) for layer in layers]
    assert (facts.synthetic, facts.files) == (False, None)

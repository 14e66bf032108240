"""`verify`: right images are right, and every sort of damage gives its line."""

import gzip
import json

import pytest

from sim.image.layers import open_layers
from sim.image.verify import verify_image
from tests.formats.handmade import blob, file_entry
from tests.formats.samples import NAMES, reference_dump
from tests.image.images import (
    TOC_DIGEST,
    UNCOMPRESSED_SIZE,
    Layer,
    put_image,
    read_blob,
    reference_layer,
    reference_toc,
    sha,
    tar_layer,
)

INSIDE = [name for name in NAMES if not name.startswith("external")]


def faults(ref):
    with open_layers(str(ref)) as layers:
        return verify_image(layers).faults


def image_of(tmp_path, *layers, **options):
    put_image(f"oci:{tmp_path}/i", layers, tmp=tmp_path, **options)
    return tmp_path / "i"


def test_what_the_reference_tool_wrote_is_right(tmp_path):
    folder = image_of(tmp_path, *(reference_layer(name) for name in INSIDE))
    with open_layers(str(folder)) as layers:
        done = verify_image(layers)
    assert done.faults == ()
    assert [layer.raw_size_bytes for layer in done.layers] == [
        int(reference_layer(name).annotations[UNCOMPRESSED_SIZE]) for name in INSIDE
    ]


def test_ordinary_layers_and_external_tocs_are_right(tmp_path):
    assert faults(image_of(tmp_path, tar_layer("sizes"), tar_layer("links"))) == ()
    put_image(f"oci:{tmp_path}/x:1", [reference_layer("external")], tmp=tmp_path)
    put_image(f"oci:{tmp_path}/x:1-esgztoc", [reference_toc("external")], tmp=tmp_path)
    assert faults(f"oci:{tmp_path}/x:1") == ()


def damage(folder, layer, at):
    file = folder / "blobs" / "sha256" / sha(layer.data)[7:]
    data = bytearray(file.read_bytes())
    data[at] ^= 0x10
    file.write_bytes(data)


@pytest.mark.parametrize("at", [40, 5000, 12_000, -60, -1])
def test_a_flipped_bit_anywhere_is_told(tmp_path, at):
    layer = reference_layer("sizes")
    folder = image_of(tmp_path, layer)
    damage(folder, layer, at)
    found = faults(folder)
    assert any(f"the bytes are not those of {sha(layer.data)}" in line for line in found)
    assert all("layer 0 (sha256:" in line for line in found)


def test_a_damaged_chunk_names_its_file(tmp_path):
    layer = reference_layer("zstd-prefetch")
    folder = image_of(tmp_path, layer)
    damage(folder, layer, 20_000)
    hit = [
        entry["path"]
        for entry in reference_dump("zstd-prefetch")[1]
        for chunk in entry["chunks"]
        if chunk["offset"] <= 20_000 < chunk["next_offset"]
    ]
    assert any("chunk at byte" in line and f"(it is of {hit[0]!r})" in line for line in faults(folder))


def test_a_cut_or_missing_blob_is_told(tmp_path):
    layer, other = reference_layer("sizes"), tar_layer("links")
    folder = image_of(tmp_path, layer, other)
    file = folder / "blobs" / "sha256" / sha(layer.data)[7:]
    file.write_bytes(layer.data[:-1])
    assert any("bytes, not 12631 as promised" in line for line in faults(folder))
    file.unlink()
    (line,) = faults(folder)
    assert "No such file" in line


def test_a_wrong_diff_id_is_told(tmp_path):
    wrong = sha(b"something else")
    layer = tar_layer("sizes")
    (line,) = faults(image_of(tmp_path, Layer(layer.data, wrong)))
    assert layer.diff_id in line
    assert wrong in line


def test_a_config_that_does_not_fit_is_told(tmp_path):
    folder = image_of(tmp_path, tar_layer("sizes"), config={"rootfs": {"diff_ids": []}})
    (line,) = faults(folder)
    assert "0 diff ids, the manifest 1 layers" in line


def test_a_damaged_config_is_told(tmp_path):
    folder = image_of(tmp_path, tar_layer("sizes"))
    manifest = json.loads(read_blob(folder, json.loads((folder / "index.json").read_bytes())["manifests"][0]["digest"]))
    file = folder / "blobs" / "sha256" / manifest["config"]["digest"][7:]
    file.write_bytes(file.read_bytes().replace(b"linux", b"liNux"))
    (line,) = faults(folder)
    assert "the bytes are not those of" in line


@pytest.mark.parametrize(
    ("name", "key", "value", "told"),
    [
        ("sizes", TOC_DIGEST, sha(b"another"), "TOC has digest"),
        ("sizes", UNCOMPRESSED_SIZE, "1", "27136 bytes decompressed, its annotation says '1'"),
        ("sizes", UNCOMPRESSED_SIZE, "many", "its annotation says 'many'"),
        ("zstd-sizes", "io.containers.zstd-chunked.manifest-checksum", sha(b""), "manifest-checksum says"),
        ("zstd-sizes", "io.containers.zstd-chunked.manifest-position", "1:2:3:1", "manifest-position says '1:2:3:1'"),
    ],
)
def test_a_wrong_annotation_is_told(tmp_path, name, key, value, told):
    (line,) = faults(image_of(tmp_path, reference_layer(name, **{key: value})))
    assert told in line


def test_a_toc_that_hides_or_invents_files_is_told(tmp_path):
    data = b"payload"
    payload = gzip.compress(data, mtime=0)
    layer = blob([file_entry("invented", data, len(gzip.compress(bytes(512), mtime=0)))], payload).data
    raw = gzip.decompress(layer)
    found = faults(image_of(tmp_path, Layer(layer, sha(raw))))
    assert any("'invented' (reg) is in the TOC but not in the tar" in line for line in found)

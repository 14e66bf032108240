"""Conversion of whole images: what changes, what is kept, what goes first, and what is left when it fails."""

import gzip
import hashlib
import json

import pytest

import sim
from sim.core.errors import BadInput, ContentMismatch
from sim.formats.estargz import WriteOptions
from sim.image.convert import ConvertOptions, convert_image
from sim.image.layers import open_layers
from sim.image.priorities import of_paths, of_trace, read_list
from sim.image.show import show_image
from sim.image.toc_image import toc_reference
from sim.image.verify import verify_image
from sim.oci import create_image
from tests.catalog.conftest import LAYERS, tiny_trace
from tests.image.images import (
    DOCKER,
    GZIP,
    LAYER_DIGEST,
    TOC_DIGEST,
    ZSTD,
    Layer,
    made_layer,
    manifest_of,
    put_image,
    read_blob,
    reference_layer,
    sha,
    tar_layer,
)

TINY = [made_layer({name.rstrip("/"): content for name, content in entries.items()}) for entries in LAYERS]


def converted(src, dst, write=None, *, choose=None, external=False):
    options = ConvertOptions(write=write or WriteOptions(external_toc=external), choose=choose, workers=1)
    with open_layers(str(src)) as layers, create_image(dst) as sink:
        if not external:
            return convert_image(layers, sink, options)
        with create_image(toc_reference(dst)) as toc_sink:
            return convert_image(layers, sink, options, toc_sink=toc_sink)


def faults(ref):
    with open_layers(str(ref)) as layers:
        return verify_image(layers).faults


def content_id(ref):
    with sim.open_image(str(ref)) as image:
        return image.tree.content_id


@pytest.fixture
def source(tmp_path):
    config = {
        "config": {"Cmd": ["/bin/x"], "Labels": {"kept": "yes"}},
        "history": [{"created_by": "one"}, {"created_by": "nothing", "empty_layer": True}, {"created_by": "two"}],
    }
    layers = [tar_layer("sizes"), tar_layer("links")]
    layers[1].annotations = {"own": "kept"}
    put_image(f"oci:{tmp_path}/src", layers, tmp=tmp_path, config=config, annotations={"image": "kept"})
    return tmp_path / "src"


@pytest.mark.parametrize(
    ("write", "media_type"),
    [
        (WriteOptions(), GZIP),
        (WriteOptions(chunk_size_bytes=1000, level=1), GZIP),
        (WriteOptions(min_chunk_size_bytes=5000), GZIP),
        (WriteOptions(compression="zstd", level=3, chunk_size_bytes=3000), ZSTD),
    ],
)
def test_only_the_layers_change(source, tmp_path, write, media_type):
    done = converted(source, f"oci:{tmp_path}/dst", write)
    old, old_config = manifest_of(source)
    new, config = manifest_of(tmp_path / "dst")
    assert [layer["mediaType"] for layer in new["layers"]] == [media_type] * 2
    assert all(layer["annotations"][TOC_DIGEST].startswith("sha256:") for layer in new["layers"])
    assert new["layers"][1]["annotations"]["own"] == "kept"
    assert new["annotations"] == old["annotations"]
    assert {key: config[key] for key in old_config if key != "rootfs"} == {
        key: old_config[key] for key in old_config if key != "rootfs"
    }
    assert faults(tmp_path / "dst") == ()
    assert content_id(tmp_path / "dst") == content_id(source)
    assert [layer.new.digest for layer in done.layers] == [layer["digest"] for layer in new["layers"]]
    assert done.missing == ()


def test_the_diff_ids_are_of_the_new_blobs(source, tmp_path):
    converted(source, f"oci:{tmp_path}/dst")
    manifest, config = manifest_of(tmp_path / "dst")
    raw = [gzip.decompress(read_blob(tmp_path / "dst", layer["digest"])) for layer in manifest["layers"]]
    assert config["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(layer).hexdigest()}" for layer in raw]


def test_docker_media_types_become_those_of_oci(tmp_path):
    layer = tar_layer("sizes")
    layer.media_type = f"{DOCKER}.image.rootfs.diff.tar.gzip"
    put_image(f"oci:{tmp_path}/src", [layer], tmp=tmp_path, docker=True)
    converted(tmp_path / "src", f"oci:{tmp_path}/dst")
    manifest, _ = manifest_of(tmp_path / "dst")
    assert manifest["mediaType"] == "application/vnd.oci.image.manifest.v1+json"
    assert manifest["config"]["mediaType"] == "application/vnd.oci.image.config.v1+json"
    assert manifest["layers"][0]["mediaType"] == GZIP


@pytest.mark.parametrize("name", ["prefetch", "zstd-prefetch", "shared-prefetch"])
def test_a_converted_layer_is_converted_again_and_forgets_its_old_format(tmp_path, name):
    put_image(f"oci:{tmp_path}/src", [reference_layer(name, own="kept")], tmp=tmp_path)
    put_image(f"oci:{tmp_path}/tar", [tar_layer("prefetch")], tmp=tmp_path)
    converted(tmp_path / "src", f"oci:{tmp_path}/dst")
    annotations = manifest_of(tmp_path / "dst")[0]["layers"][0]["annotations"]
    assert annotations["own"] == "kept"
    assert not any("zstd-chunked" in key for key in annotations)
    assert faults(tmp_path / "dst") == ()
    assert content_id(tmp_path / "dst") == content_id(tmp_path / "tar")
    with open_layers(f"{tmp_path}/dst") as layers:
        assert show_image(layers).layers[0].landmark == "no_prefetch"


def test_converting_twice_gives_the_same_image(source, tmp_path):
    first = converted(source, f"oci:{tmp_path}/a")
    assert converted(source, f"oci:{tmp_path}/b").digest == first.digest
    assert converted(tmp_path / "a", f"oci:{tmp_path}/c").digest == first.digest


def test_equal_layers_are_converted_once(tmp_path):
    put_image(f"oci:{tmp_path}/src", [tar_layer("sizes"), tar_layer("links"), tar_layer("sizes")], tmp=tmp_path)
    told = []
    with open_layers(f"{tmp_path}/src") as layers, create_image(f"oci:{tmp_path}/dst") as sink:
        options = ConvertOptions(write=WriteOptions(), workers=1)
        done = convert_image(layers, sink, options, step=lambda text, number: told.append((text, number)))
    assert [number for text, number in told if text == "convert"] == [0, 1]
    assert done.layers[0].new.digest == done.layers[2].new.digest
    assert faults(tmp_path / "dst") == ()


def test_an_external_toc_goes_to_an_image_of_its_own(source, tmp_path):
    converted(source, f"oci:{tmp_path}/dst:v1", external=True)
    manifest, config = manifest_of(tmp_path / "dst", "v1")
    tocs, _ = manifest_of(tmp_path / "dst", "v1-esgztoc")
    named = {toc["annotations"][LAYER_DIGEST]: toc["digest"] for toc in tocs["layers"]}
    assert set(named) == {layer["digest"] for layer in manifest["layers"]}
    assert faults(f"oci:{tmp_path}/dst:v1") == ()
    with open_layers(f"oci:{tmp_path}/dst:v1") as layers:
        assert {layer.format for layer in show_image(layers).layers} == {"eStargz, external TOC"}
    assert len(config["rootfs"]["diff_ids"]) == 2


@pytest.mark.parametrize("ref", ["oci-archive:x.tar", "docker-archive:x.tar:a:b", "docker://a/b@sha256:" + "0" * 64])
def test_where_there_is_no_place_for_a_toc_image_it_is_said(ref):
    with pytest.raises(BadInput, match="TOC"):
        toc_reference(ref)


def test_what_the_trace_reads_goes_first_in_its_order(tmp_path):
    put_image(f"oci:{tmp_path}/src", TINY, tmp=tmp_path)
    trace = tiny_trace(content_id(tmp_path / "src"), 20)

    def choose(tree, layers):
        return of_trace(trace, tree, layers, allow_missing=False)

    converted(tmp_path / "src", f"oci:{tmp_path}/dst", choose=choose)
    with open_layers(f"{tmp_path}/dst") as layers:
        facts = show_image(layers, with_files=True)
    assert {file.path for file in facts.files if file.first and file.kind == "reg"} == {"bin/sh", "srv/hello"}
    assert [layer.prefetch_files for layer in facts.layers] == [1, 1]


def test_a_trace_of_other_content_is_refused_or_taken_as_a_list(tmp_path):
    other = [TINY[0], made_layer({"srv": None, "srv/other": b"x"})]
    put_image(f"oci:{tmp_path}/src", other, tmp=tmp_path)
    trace = tiny_trace("sha256:" + "0" * 64, 20)
    with pytest.raises(ContentMismatch, match="--allow-missing"):
        converted(
            tmp_path / "src", f"oci:{tmp_path}/dst", choose=lambda t, n: of_trace(trace, t, n, allow_missing=False)
        )
    assert not (tmp_path / "dst").exists()
    done = converted(
        tmp_path / "src", f"oci:{tmp_path}/dst", choose=lambda t, n: of_trace(trace, t, n, allow_missing=True)
    )
    assert done.missing == ("srv/hello",)
    assert [layer.prioritised for layer in done.layers] == [1, 0]


def test_a_list_is_looked_up_as_a_container_would(tmp_path):
    lower = made_layer(
        {"usr": None, "usr/bin": None, "usr/bin/dash": b"d", "usr/bin/sh": "-> dash", "bin": "-> usr/bin"}
    )
    upper = made_layer({"usr": None, "usr/bin": None, "usr/bin/dash": b"newer", "usr/bin/.wh.gone": b""})
    put_image(f"oci:{tmp_path}/src", [lower, upper], tmp=tmp_path)
    with sim.open_image(f"{tmp_path}/src") as image:
        found = of_paths(["/bin/sh", "usr/bin/../bin/dash"], image.tree, 2, allow_missing=False)
        assert found.by_layer == (("usr/bin/sh",), ("usr/bin/dash",))
        with pytest.raises(
            BadInput, match="2 of the files to go first are not in the image: 'usr/bin/gone', '/nothing'"
        ):
            of_paths(["usr/bin/gone", "/bin/sh", "/nothing"], image.tree, 2, allow_missing=False)
        assert of_paths(["/nothing"], image.tree, 2, allow_missing=True).missing == ("/nothing",)


def test_links_in_a_circle_end(tmp_path):
    put_image(f"oci:{tmp_path}/src", [made_layer({"a": "-> b", "b": "-> a"})], tmp=tmp_path)
    with sim.open_image(f"{tmp_path}/src") as image:
        found = of_paths(["a"], image.tree, 1, allow_missing=False)
    assert set(found.by_layer[0]) == {"a", "b"}


def test_a_list_comes_from_arguments_and_files(tmp_path):
    (tmp_path / "list").write_text("usr/bin/a\n\n/usr/bin/b c\n")
    assert read_list(["x", f"@{tmp_path}/list"]) == ["x", "usr/bin/a", "/usr/bin/b c"]
    with pytest.raises(BadInput, match="one path a line"):
        read_list([f"@{tmp_path}/none"])


@pytest.mark.parametrize(
    ("layers", "why"),
    [
        ([Layer(b"x", sha(b"x"), "application/vnd.oci.image.layer.v1.tar+gzip+encrypted")], "no plain tar"),
        ([Layer(b"\x1f\x8b\x08damaged", sha(b"x"))], "layer 0"),
        ([tar_layer("sizes"), Layer(gzip.compress(b"no tar" * 200), sha(b"x"))], "layer 1"),
    ],
)
def test_what_cannot_be_converted_leaves_nothing(tmp_path, layers, why):
    put_image(f"oci:{tmp_path}/src", layers, tmp=tmp_path)
    with pytest.raises(BadInput, match=why):
        converted(tmp_path / "src", f"oci:{tmp_path}/dst")
    assert [path.name for path in tmp_path.iterdir()] == ["src"]


def test_a_config_that_does_not_fit_is_refused(tmp_path):
    put_image(f"oci:{tmp_path}/src", [tar_layer("sizes")], tmp=tmp_path, config={"rootfs": {"diff_ids": []}})
    with pytest.raises(BadInput, match="1 layers, but the config has 0 diff ids"):
        converted(tmp_path / "src", f"oci:{tmp_path}/dst")


def test_a_damaged_source_is_refused(tmp_path, source):
    layer = tar_layer("links")
    file = source / "blobs" / "sha256" / sha(layer.data)[7:]
    data = bytearray(file.read_bytes())
    data[100] ^= 1
    file.write_bytes(data)
    with pytest.raises(BadInput, match="the bytes are not those of"):
        converted(source, f"oci:{tmp_path}/dst")
    assert not (tmp_path / "dst").exists()


def test_an_image_may_be_converted_beside_itself(source):
    done = converted(source, f"oci:{source}:lazy")
    entries = json.loads((source / "index.json").read_bytes())["manifests"]
    assert {entry["digest"] for entry in entries} >= {done.digest}
    assert len(entries) == 2
    assert faults(f"oci:{source}:lazy") == ()

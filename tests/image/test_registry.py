"""Images in a registry: what is asked for, and that nothing has a name before it is whole."""

import re

import pytest

from sim.core.errors import LazypullError
from sim.formats.estargz import WriteOptions
from sim.image.convert import ConvertOptions, convert_image
from sim.image.layers import open_layers
from sim.image.show import show_image
from sim.image.verify import verify_image
from sim.oci import RegistryAccess, Retry, create_image
from tests.formats.samples import FACTS, reference_dump
from tests.image.images import Layer, put_image, reference_layer, sha, tar_layer
from tests.oci.fake_registry import fake_registry, status

ACCESS = RegistryAccess(retry=Retry(attempts=2, first_wait_s=0.001, seed=1), timeout_s=5.0)
OPTIONS = ConvertOptions(write=WriteOptions(), workers=1)


@pytest.fixture(autouse=True)
def _no_login_of_this_machine(tmp_path, monkeypatch):
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "nothing"))


@pytest.fixture
def registry():
    with fake_registry() as running:
        yield running


def push(registry, layers, tmp_path, name="web"):
    """Put an image into a folder and convey it to the registry by hand."""
    put_image(f"oci:{tmp_path}/pushed-{name}", layers, tmp=tmp_path)
    blobs = [file.read_bytes() for file in (tmp_path / f"pushed-{name}" / "blobs" / "sha256").iterdir()]
    for data in blobs:
        registry.add(data)
    manifest = next(data for data in blobs if b'"layers":[' in data and b'"schemaVersion":2' in data)
    registry.manifests["latest"] = ("application/vnd.oci.image.manifest.v1+json", manifest)
    return f"{registry.host}/{name}"


def convert(ref):
    with open_layers(ref, access=ACCESS) as layers, create_image(f"{ref}:lazy", access=ACCESS) as sink:
        return convert_image(layers, sink, OPTIONS)


def ranges(registry):
    """(first, last) of each part of a blob that was asked for; None for a whole one."""
    found = []
    for headers in registry.asked("GET", "blob"):
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", headers.get("Range", ""))
        found.append((int(wanted[1]), int(wanted[2])) if wanted else None)
    return found


@pytest.mark.parametrize("name", ["prefetch", "zstd-prefetch"])
def test_only_the_table_of_contents_of_a_lazy_layer_is_read(registry, tmp_path, name):
    ref = push(registry, [reference_layer(name)], tmp_path)
    with open_layers(ref, access=ACCESS) as layers:
        facts = show_image(layers, with_files=True)
    assert facts.layers[0].toc.digest == FACTS[name]["toc_digest"]
    asked = ranges(registry)
    assert asked.count(None) == 1  # the config
    begin = reference_dump(name)[0]["toc_offset"] - 8
    assert all(first >= begin for first, _ in filter(None, asked))


def test_of_an_ordinary_layer_a_few_bytes_are_read(registry, tmp_path):
    ref = push(registry, [tar_layer("sizes")], tmp_path)
    with open_layers(ref, access=ACCESS) as layers:
        assert show_image(layers).layers[0].format == "tar.gz"
    assert sum(last - first + 1 for first, last in filter(None, ranges(registry))) <= 51 + 4


def test_an_image_goes_from_registry_to_registry(registry, tmp_path):
    ref = push(registry, [tar_layer("sizes"), reference_layer("prefetch")], tmp_path)
    done = convert(ref)
    with open_layers(f"{ref}:lazy", access=ACCESS) as layers:
        assert layers.image.manifest.digest == done.digest
        assert verify_image(layers).faults == ()


@pytest.mark.parametrize("broken", ["layer", "upload"])
def test_a_conversion_that_fails_gives_no_name(registry, tmp_path, broken):
    bad = Layer(b"\x1f\x8b\x08 this is no gzip", sha(b""))
    ref = push(registry, [tar_layer("sizes"), bad if broken == "layer" else tar_layer("links")], tmp_path)
    if broken == "upload":
        registry.faults["PUT manifest"] = [status(403)] * 2
    with pytest.raises(LazypullError):
        convert(ref)
    assert set(registry.manifests) == {"latest"}


def test_a_blob_that_is_not_what_was_promised_is_told(registry, tmp_path):
    ref = push(registry, [tar_layer("sizes")], tmp_path)
    digest = sha(tar_layer("sizes").data)
    registry.blobs[digest] = registry.blobs[digest][:-1] + b"?"
    with open_layers(ref, access=ACCESS) as layers:
        (line,) = verify_image(layers).faults
    assert "layer 0" in line
    assert digest in line

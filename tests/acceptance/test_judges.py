"""The judges can say no: to changed bytes, to another layer, to other options, to an image that is not lazy."""

import pytest

from sim.core.source import FileSource
from sim.formats.estargz import WriteOptions
from sim.testbed import push
from sim.testbed.requests import whole_blobs
from tests.acceptance import reference, remote
from tests.acceptance.options import options
from tests.formats.write_tools import END, convert, entry

ENTRIES = {"a": entry("a", b"first " * 300), "b": entry("b", b"second"), "c": entry("c", b"third" * 50)}
FEW = WriteOptions(chunk_size_bytes=700)


def layer_of(folder, names):
    """A layer of these entries, as a file."""
    file = folder / f"{names}.tar"
    file.write_bytes(b"".join(ENTRIES[name] for name in names) + END)
    return file


def converted(file):
    """The layer in our format beside it; our own reading of it too."""
    blob = file.with_suffix(".blob")
    with FileSource(file) as source:
        _, opened = convert(source, blob, FEW)
    return blob, opened


def differences(tool, blob, layer):
    return reference.check(tool, blob, layer, None)["differences"]


def test_an_entry_more_or_less_is_named(tool, tmp_path):
    all_three, two = layer_of(tmp_path, "abc"), layer_of(tmp_path, "ac")
    assert differences(tool, converted(all_three)[0], all_three) == []
    assert differences(tool, converted(all_three)[0], two) == ["b: not in the layer"]
    (difference,) = differences(tool, converted(two)[0], all_three)
    assert difference.startswith("b:")


def test_a_changed_byte_is_found(tool, tmp_path):
    layer = layer_of(tmp_path, "abc")
    blob, opened = converted(layer)
    first, _ = opened.chunks.of_file(opened.files.listed("c"))
    data = bytearray(blob.read_bytes())
    data[int(opened.chunks.offset[first]) + 12] ^= 0xFF  # behind the ten bytes of the gzip member's header
    blob.write_bytes(data)
    found = differences(tool, blob, layer)
    assert found
    assert all(difference.startswith("c:") for difference in found)


@pytest.mark.parametrize("chunk_size", [699, 1800])
def test_other_options_give_another_toc(tool, tmp_path, chunk_size):
    layer = layer_of(tmp_path, "abc")
    ours = reference.toc_entries(converted(layer)[0], None)
    same, other = (
        reference.converted_entries(tool, layer, options("estargz", size, 0, 1, False), (), tmp_path)
        for size in (FEW.chunk_size_bytes, chunk_size)
    )
    assert reference.differing(ours, same) == []
    assert reference.differing(ours, other) != []


@pytest.mark.root
@pytest.mark.alone
def test_an_ordinary_image_is_not_taken_as_lazy(stand, recorded):
    folder = recorded("web")
    image = push.push(folder, stand.addresses.registry_host, "web", "ordinary")
    pulled = remote.lazy_pull(stand, image, prefetch=False)
    layers = push.layer_digests(folder)
    assert pulled.mounts == 0
    assert {request.blob for request in whole_blobs(pulled.requests, layers)} == set(layers)

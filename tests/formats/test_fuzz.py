"""Arbitrary input never crashes a reader, never hangs it, and takes bounded memory.

Bounds: `PEAK_BYTES` of Python memory for one input, measured by tracemalloc; a time for one test as a whole.
"""

import gzip
import json
import tracemalloc
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sim.core.bundle import column
from sim.core.errors import BadInput
from sim.core.source import BytesSource
from sim.formats.estargz import layers_layout, open_blob, read_file, verify
from sim.formats.estargz.footer import FOOTER_SIZE, parse_footer
from sim.formats.soci import read_soci_layer, soci_layers_layout
from sim.formats.tarlayer import read_tar_layer, tar_layers_layout
from tests.formats.handmade import (
    HEAD,
    blob,
    external_footer,
    footer,
    legacy_footer,
    sha,
    zstd_blob,
    zstd_footer,
    zstd_frame,
)
from tests.formats.samples import blob_path, tar_path

pytestmark = pytest.mark.usefixtures("watchdog")

PEAK_BYTES = 32 << 20
FUZZ = settings(
    max_examples=250,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
A, B = b"a" * 100, b"b" * 50
FIRST, SECOND = gzip.compress(A, mtime=0), gzip.compress(B, mtime=0)
PLACES = [0, 1, len(HEAD), len(HEAD) + len(FIRST), len(HEAD) + len(FIRST) + len(SECOND)]


@pytest.fixture(autouse=True, scope="module")
def warm():
    """Load what pyarrow loads at its first use, or it would count as the reader's memory."""
    use(BytesSource(blob_path("links").read_bytes()))


@contextmanager
def bounded():
    """Only errors meant for the user, one line each, in bounded memory."""
    tracemalloc.start()
    try:
        with only_bad_input():
            yield
        assert tracemalloc.get_traced_memory()[1] < PEAK_BYTES
    finally:
        tracemalloc.stop()


def use(source, **options):
    """All a reader can do with a blob; what it accepts must be consistent."""
    opened = open_blob(source, **options)
    _, layout = layers_layout([opened])
    check(layout)
    for path, row in opened.files.regular.items():
        with only_bad_input():
            read_file(opened, path, int(opened.files.sizes[row]) // 2, 10)
    verify(opened)


@contextmanager
def only_bad_input():
    problem = ""
    try:
        yield
    except BadInput as error:
        problem = str(error)
    assert "\n" not in problem


def check(layout):
    length = column(layout.extents, "length")
    covered = np.bincount(column(layout.extents, "entry"), weights=length, minlength=layout.entries.num_rows)
    assert covered.tolist() == column(layout.entries, "size").tolist()


numbers = st.one_of(st.sampled_from([0, 1, 49, 50, 100, 150, -1, 2**31, 2**53, 2**53 + 1, 2**63, 2**70]), st.integers())
names = st.one_of(
    st.sampled_from(["", "/", ".", "..", "a", "./a", "a/", "a/b", "../a", ".wh.a", ".wh..wh..opq", "a/.wh..wh..opq"]),
    st.sampled_from([".prefetch.landmark", ".no.prefetch.landmark", "stargz.index.json", "\0", "a\0"]),
    st.text(max_size=8),
)
digests = st.sampled_from(["", sha(A), sha(B), sha(A + B), sha(b""), "sha256:00", "sha512:" + "0" * 64, "x" * 71])
places = st.one_of(st.sampled_from(PLACES), numbers)
FIELDS = {
    "name": names,
    "type": st.sampled_from(["reg", "reg", "chunk", "dir", "symlink", "hardlink", "char", "fifo", "", "socket"]),
    "size": numbers,
    "mode": numbers,
    "linkName": names,
    "offset": places,
    "innerOffset": numbers,
    "chunkOffset": numbers,
    "chunkSize": numbers,
    "digest": digests,
    "chunkDigest": digests,
    "xattrs": st.dictionaries(names, st.text(max_size=3), max_size=2),
}
loose = st.fixed_dictionaries({}, optional=FIELDS)
near = st.fixed_dictionaries(
    {"name": names, "type": st.sampled_from(["reg", "dir", "hardlink", "symlink", "chunk"])},
    optional={
        "size": st.sampled_from([0, 50, 100, 150]),
        "offset": st.sampled_from(PLACES),
        "chunkSize": st.sampled_from([0, 50, 100]),
        "chunkOffset": st.sampled_from([0, 50, 100]),
        "innerOffset": st.sampled_from([0, 50]),
        "linkName": names,
        "digest": digests,
        "chunkDigest": digests,
    },
)
anything = st.recursive(st.none() | st.booleans() | st.floats() | st.text(max_size=3) | numbers, st.lists, max_leaves=4)
entries = st.lists(st.one_of(near, loose, anything), max_size=6)
edits = st.lists(st.tuples(st.floats(0, 0.9999), st.binary(min_size=1, max_size=4)), min_size=1, max_size=4)


def edited(data, changes):
    changed = bytearray(data)
    for place, piece in changes:
        at = int(place * len(changed))
        changed[at : at + len(piece)] = piece
    return bytes(changed)


@FUZZ
@given(tail=st.binary(max_size=FOOTER_SIZE), size=st.integers(0, 2**64))
def test_any_footer(tail, size):
    with bounded():
        parse_footer(tail, size, "x")


@FUZZ
@given(
    good=st.sampled_from([footer(26), legacy_footer(26), external_footer(), footer(2**63 - 1), zstd_footer(60, 9, 9)]),
    changes=edits,
    size=st.integers(0, 2**64),
)
def test_any_footer_near_a_good_one(good, changes, size):
    with bounded():
        found = parse_footer(edited(good, changes), size, "x")
        assert 0 <= found.payload_end <= size - found.size
        assert found.toc_offset + found.toc_size <= size - found.size


@FUZZ
@given(toc=entries)
def test_any_toc_entries(toc):
    source = blob(toc, FIRST + SECOND)
    with bounded():
        use(source)


@FUZZ
@given(toc=st.lists(near, max_size=6))
def test_any_toc_of_well_typed_entries(toc):
    source = blob(toc, FIRST + SECOND)
    with bounded():
        use(source)


GOOD_TOC = {
    "version": 1,
    "entries": [
        {
            "name": "a",
            "type": "reg",
            "size": 150,
            "digest": sha(A + B),
            "offset": PLACES[2],
            "chunkSize": 100,
            "chunkDigest": sha(A),
        },
        {"name": "a", "type": "chunk", "offset": PLACES[3], "chunkOffset": 100, "chunkDigest": sha(B)},
        {"name": "b/", "type": "dir", "mode": 493},
        {"name": "b/c", "type": "hardlink", "linkName": "a"},
    ],
}


@FUZZ
@given(changes=edits)
def test_any_toc_text_near_a_good_one(changes):
    source = blob(edited(json.dumps(GOOD_TOC).encode(), changes), FIRST + SECOND)
    with bounded():
        use(source)


@FUZZ
@given(text=st.one_of(st.binary(max_size=200), anything.map(lambda value: json.dumps(value).encode())))
def test_any_toc_text(text):
    source = blob(text)
    with bounded():
        use(source)


@FUZZ
@given(
    name=st.sampled_from(["kinds", "links", "shared-prefetch", "zstd-kinds", "zstd-shared"]),
    changes=edits,
    cut=st.floats(0.5, 1.5),
)
def test_any_blob_near_a_good_one(name, changes, cut):
    data = edited(blob_path(name).read_bytes(), changes)
    source = BytesSource(data[: int(len(data) * cut)])
    with bounded():
        use(source)


@FUZZ
@given(name=st.sampled_from(["names", "raw-names", "xattrs", "links"]), changes=edits, packed=st.booleans())
def test_any_tar_near_a_good_one(name, changes, packed):
    raw = gzip.decompress(tar_path(name).read_bytes()).rstrip(b"\0")  # without the long run of zeros at its end
    data = gzip.compress(edited(raw, changes), 1) if packed else edited(raw, changes)
    with bounded():
        _, layout = tar_layers_layout([read_tar_layer(BytesSource(data))])
        check(layout)


@FUZZ
@given(name=st.sampled_from(["external", "external-shared"]), changes=edits, inside=st.booleans())
def test_any_external_toc_near_a_good_one(name, changes, inside):
    data, toc = blob_path(name).read_bytes(), blob_path(name).with_suffix(".toc").read_bytes()
    data, toc = (edited(data, changes), toc) if inside else (data, edited(toc, changes))
    with bounded():
        use(BytesSource(data), toc=BytesSource(toc))


@FUZZ
@given(toc=st.lists(near, max_size=6))
def test_any_chunked_toc_of_well_typed_entries(toc):
    with bounded():
        use(zstd_blob(toc, zstd_frame(A) + zstd_frame(B)))


@FUZZ
@given(name=st.sampled_from(["names", "xattrs"]), changes=edits, level=st.integers(1, 5))
def test_any_zstd_layer_near_a_good_one(name, changes, level):
    raw = gzip.decompress(tar_path(name).read_bytes()).rstrip(b"\0")
    with bounded():
        _, layout = tar_layers_layout([read_tar_layer(BytesSource(edited(zstd_frame(raw, level), changes)))])
        check(layout)


@FUZZ
@given(changes=edits)
def test_any_soci_layer_near_a_good_one(changes):
    source = BytesSource(edited(tar_path("links").read_bytes(), changes))
    with bounded():
        _, layout = soci_layers_layout([read_soci_layer(source, span_bytes=40_000, min_layer_bytes=0)])
        check(layout)


@FUZZ
@given(data=st.binary(max_size=600), magic=st.sampled_from([b"", b"\x1f\x8b\x08\0", b"\x28\xb5\x2f\xfd"]))
def test_any_bytes_as_a_layer(data, magic):
    with bounded():
        read_tar_layer(BytesSource(magic + data))

"""Any tree of files, converted in any way, reads back as that tree: entries, links, attributes and bytes."""

import base64
import io
import tarfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sim.core.errors import BadBlob
from sim.core.source import BytesSource, FileSource
from sim.formats.estargz import WriteOptions, open_blob, read_file, verify, write_layer
from sim.formats.names import clean_name
from tests.formats.write_tools import convert, toc_of

PART = st.text(st.characters(blacklist_characters="/\0", blacklist_categories=("Cs",)), min_size=1, max_size=60).filter(
    lambda part: part not in {".", ".."} and not part.startswith((".wh.", ".prefetch", ".no.prefetch"))
)
PATH = st.lists(PART, min_size=1, max_size=4).map("/".join)
BYTES = st.one_of(st.binary(max_size=300), st.integers(0, 5000).map(lambda n: b"lazy" * (n // 4) + b"x" * (n % 4)))
TIME = st.integers(-(1 << 33), 1 << 34)
OWNER = st.integers(0, (1 << 31) - 1)
XATTRS = st.dictionaries(
    st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF, blacklist_characters="="), min_size=1, max_size=12),
    st.text(max_size=20).filter(lambda text: "\0" not in text),
    max_size=2,
)
OPTIONS = st.builds(
    WriteOptions,
    compression=st.just("gzip"),
    level=st.sampled_from([1, 6, 9]),
    chunk_size_bytes=st.sampled_from([64, 1000, 4 << 20]),
    min_chunk_size_bytes=st.sampled_from([0, 0, 500]),
    external_toc=st.booleans(),
) | st.builds(
    WriteOptions,
    compression=st.just("zstd"),
    level=st.sampled_from([1, 3, 12]),
    chunk_size_bytes=st.sampled_from([64, 1000, 4 << 20]),
    min_chunk_size_bytes=st.sampled_from([0, 500]),
)
QUICK = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@st.composite
def trees(draw):
    """Path → (kind, header fields, bytes or target); no path is below a file, each hard link has its target."""
    tree = {}
    for path in draw(st.lists(PATH, max_size=12, unique=True)):
        above = {"/".join(path.split("/")[:n]) for n in range(1, path.count("/") + 1)}
        if path in tree or any(tree.get(p, ("dir",))[0] != "dir" for p in above) or any(
            other.startswith(path + "/") for other in tree
        ):  # fmt: skip
            continue
        files = [other for other, (kind, _, _) in tree.items() if kind == "reg"]
        kinds = ["reg", "reg", "reg", "dir", "symlink", "char", "fifo"] + ["hardlink"] * bool(files)
        kind = draw(st.sampled_from(kinds))
        content = draw({"reg": BYTES, "symlink": PATH, "hardlink": st.sampled_from(files or [""])}.get(kind, st.none()))
        fields = {
            "mode": draw(st.integers(0, 0o7777)),
            "mtime": draw(TIME),
            "uid": draw(OWNER),
            "gid": draw(OWNER),
            "xattrs": draw(XATTRS),
        }
        tree[path] = (kind, fields, content)
    return tree


FLAGS = {
    "reg": tarfile.REGTYPE,
    "dir": tarfile.DIRTYPE,
    "symlink": tarfile.SYMTYPE,
    "hardlink": tarfile.LNKTYPE,
    "char": tarfile.CHRTYPE,
    "fifo": tarfile.FIFOTYPE,
}


def tar_of(tree):
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path, (kind, fields, content) in tree.items():
            entry = tarfile.TarInfo(path)
            entry.type = FLAGS[kind]
            entry.mode, entry.mtime, entry.uid, entry.gid = (fields[k] for k in ("mode", "mtime", "uid", "gid"))
            entry.pax_headers = {f"SCHILY.xattr.{key}": value for key, value in fields["xattrs"].items()}
            data = content if kind == "reg" else b""
            entry.linkname = content if kind in {"symlink", "hardlink"} else ""
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return BytesSource(raw.getvalue(), "tree.tar")


def may_be_first(path, tree):
    """Whether the path, the target of its link and all folders above them have entries."""
    kind, _, content = tree[path]
    folders = {"/".join(path.split("/")[:n]) for n in range(1, path.count("/") + 1)}
    return folders <= tree.keys() and (kind != "hardlink" or may_be_first(content, tree))


@QUICK
@given(tree=trees(), options=OPTIONS, data=st.data())
def test_a_tree_reads_back(tree, options, data, tmp_path):
    eligible = [path for path in tree if may_be_first(path, tree)]
    chosen = data.draw(st.lists(st.sampled_from(eligible), max_size=3) if eligible else st.none())
    options = WriteOptions(
        **{f: getattr(options, f) for f in options.__slots__} | {"priorities": chosen and tuple(chosen)}
    )
    written, blob = convert(tar_of(tree), tmp_path / "blob", options)
    checked = verify(blob)
    assert checked.files == 1 + sum(kind == "reg" for kind, _, _ in tree.values())
    entries = {clean_name(e["name"]): e for e in toc_of(blob) if e["type"] != "chunk"}
    del entries[".prefetch.landmark" if chosen else ".no.prefetch.landmark"]
    assert entries.keys() == tree.keys()
    for path, (kind, fields, content) in tree.items():
        found = entries[path]
        assert found["type"] == kind
        assert [found.get(key, 0) for key in ("mode", "uid", "gid")] == [fields[k] for k in ("mode", "uid", "gid")]
        xattrs = {key: base64.b64decode(value).decode() for key, value in found.get("xattrs", {}).items()}
        assert xattrs == fields["xattrs"]
        if kind == "reg":
            assert read_file(blob, path, 0, len(content) + 1) == content
        elif kind == "hardlink":
            assert read_file(blob, path, 0, 1 << 20) == tree[content][2]
        else:
            assert found.get("linkName") == content
    before = [e["name"] for e in toc_of(blob)]
    landmark = before.index(".prefetch.landmark") if chosen else 0
    assert {clean_name(name) for name in before[:landmark]} >= set(chosen or ())
    with FileSource(tmp_path / "blob") as source:
        again = write_layer(source, tmp_path / "again", options)
    assert again.digest == written.digest


@QUICK
@given(place=st.integers(0), bit=st.integers(0, 7), options=OPTIONS)
def test_a_flipped_bit_is_found_or_does_not_matter(place, bit, options, tmp_path):
    files = {"a": b"lazy" * 900, "b": bytes(range(256)) * 6, "c": b""}
    tree = {
        path: ("reg", {"mode": 0o644, "mtime": 1, "uid": 0, "gid": 0, "xattrs": {}}, data)
        for path, data in files.items()
    }
    written, _ = convert(tar_of(tree), tmp_path / "blob", options)
    damaged = bytearray((tmp_path / "blob").read_bytes())
    damaged[place % len(damaged)] ^= 1 << bit
    toc = FileSource(written.toc_file) if written.toc_file else None
    try:
        blob = open_blob(BytesSource(bytes(damaged), "damaged"), toc=toc, toc_digest=written.toc_digest)
        for path, data in files.items():
            assert read_file(blob, path, 0, 1 << 20) == data
    except BadBlob:
        pass


@pytest.mark.parametrize("name", ["é" * 300, "a" * 255 + "/" + "b" * 255, 'quote"back\\slash', "\x7f\u2028<&>"])
def test_long_and_strange_names_survive(name, tmp_path):
    fields = {"mode": 0o600, "mtime": 5, "uid": 7, "gid": 8, "xattrs": {"user.é": "ü"}}
    _, blob = convert(tar_of({name: ("reg", fields, b"x")}), tmp_path / "blob")
    assert read_file(blob, name, 0, 9) == b"x"

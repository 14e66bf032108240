"""Layers made to hurt a converter: one clear error each, nothing left behind, memory and time bounded."""

import gzip
import subprocess
import sys
import tarfile

import pytest
import zstandard

from sim.core.errors import BadBlob
from sim.core.source import BytesSource, FileSource
from sim.formats import tarlayer
from sim.formats.estargz import (
    WriteOptions,
    open_blob,
    write_index,
    write_json,
    write_layer,
    write_toc,
    write_window,
)
from sim.formats.tarentry import DIR, LINK, REG, TarEntry
from tests.formats.bounds import peak_bytes
from tests.formats.write_tools import (
    END,
    convert,
    entry,
    folder,
    hard_link,
    header,
    patched,
    soft_link,
    source_of,
    toc_of,
)

HOSTILE = {
    "climbing-name": (entry("../../etc/passwd", b"x"), r"'../../etc/passwd' leads out of the layer"),
    "climbing-inside": (entry("a/../../b", b"x"), r"leads out of the layer"),
    "climbing-absolute": (entry("/../b", b"x"), r"leads out of the layer"),
    "climbing-link": (entry("f") + hard_link("l", "../../f"), r"hard link to b'../../f' leads out"),
    "link-to-nothing": (hard_link("l", "nowhere"), r"hard link b'l' to b'nowhere' leads to a file that is not in"),
    "link-to-itself": (hard_link("l", "./l"), r"leads back to itself"),
    "links-in-a-circle": (hard_link("a", "b") + hard_link("b", "c") + hard_link("c", "a"), r"leads back to itself"),
    "tail-into-a-circle": (hard_link("t", "a") + hard_link("a", "b") + hard_link("b", "a"), r"leads back to itself"),
    "link-to-a-folder": (folder("d") + hard_link("l", "d"), r"leads to a directory"),
    "link-to-the-root": (folder("./") + hard_link("l", "/"), r"leads to a directory"),
    "link-to-a-landmark": (entry(".prefetch.landmark", b"\x0f") + hard_link("l", ".prefetch.landmark"), r"not in this"),
    "root-is-a-file": (entry("./", kind=tarfile.AREGTYPE) + entry(".", b"x"), r"is the root but no directory"),
    "root-is-a-link": (soft_link("/", "/etc"), r"is the root but no directory"),
    "deep": (entry("d/" * 10_001 + "f", b"", tar_format=tarfile.PAX_FORMAT), r"more than 10000 folders deep"),
    "huge-size": (patched(entry("f"), 124, b"77777777777\0"), r"goes beyond the end of the tar"),
    "negative-size": (patched(entry("f", tar_format=tarfile.GNU_FORMAT), 124, b"\xff" * 12), r"of -1 bytes"),
    "endless-size": (patched(entry("f"), 124, b"\x80" + b"\x7f" * 11), r"number of \d+ bits"),
    "huge-header": (header("x", kind=b"x", size=1 << 30), r"extended header of 1073741824 bytes"),
    "header-without-file": (entry("x", b"8 a=b\nx"[:6] + b"\n", kind=b"x"), r"PAX record"),
    "nothing-after-header": (entry("x", b"6 a=b\n", kind=b"x"), r"ends after an extended header"),
    "no-tar": (b"this is no tar".ljust(512), r"no tar header here"),
    "half-a-header": (entry("f")[:300], r"inside a header"),
    "year": (entry("x", b"30 mtime=99999999999999999999\n", kind=b"x") + entry("f"), r"is no time"),
    "nul-in-a-name": (entry("x", b"12 path=a\0b\n", kind=b"x") + entry("f"), r"PAX record at byte 0 is malformed"),
    "no-dialect": (
        patched(entry("x", b"18 uid=3000000000\n", kind=b"x"), 0, b"x") + patched(entry("f"), 100, b"\xff" * 8),
        r"no dialect of tar",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_layer_is_one_clear_error(name, tmp_path):
    data, message = HOSTILE[name]
    end = b"" if name == "half-a-header" else END
    with pytest.raises(BadBlob, match=message) as caught:
        write_layer(source_of(data, end=end), tmp_path / "blob")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400
    assert "layer.tar" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_a_bomb_is_given_up(pack, tmp_path, monkeypatch):
    """It may decode to a fixed size and a multiple of its own."""
    monkeypatch.setattr(tarlayer, "FREE_RAW_BYTES", 1 << 20)
    bomb = pack(entry("zeros", bytes(64 << 20)) + END)
    with pytest.raises(BadBlob, match="looks like a bomb"):
        write_layer(BytesSource(bomb, "bomb"), tmp_path / "blob")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["f", ".prefetch.landmark"])  # the latter is dropped
def test_ten_million_entries_are_given_up_at_the_limit(name, tmp_path, monkeypatch):
    """The limit is set low, and the layer never ends, whatever its entries are called."""
    monkeypatch.setattr(write_index, "MAX_ENTRIES", 1000)

    class Endless:
        size = 10_000_000 * 512
        block = header(name)
        reads = 0

        def read_at(self, offset, length):
            self.reads += 1
            return (self.block * 2048)[offset % 512 :][:length]

    endless = Endless()
    endless.name = "endless"
    with pytest.raises(BadBlob, match="more than 1000 files and chunks"):
        write_index.index_tar(endless, 4 << 20)
    assert endless.reads < 1100
    with pytest.raises(BadBlob, match="larger chunks"):
        write_layer(source_of(entry("f", bytes(5000))), tmp_path / "blob", WriteOptions(chunk_size_bytes=4))


def test_a_toc_too_large_to_be_read_is_not_written(tmp_path, monkeypatch):
    monkeypatch.setattr(write_toc, "MAX_TOC_BYTES", 2000)
    layer = source_of(*(soft_link(f"s{i}", "target") for i in range(100)))
    with pytest.raises(BadBlob, match="TOC is larger than the 2000 bytes"):
        write_layer(layer, tmp_path / "blob")
    assert list(tmp_path.iterdir()) == []


def test_owners_without_end_are_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(write_json, "MAX_OWNERS", 10)
    layer = source_of(*(entry(f"f{i}", uid=i, uname="u") for i in range(20)))
    with pytest.raises(BadBlob, match="more than 10 owners"):
        write_layer(layer, tmp_path / "blob")


def test_a_million_entries_fit_into_memory():
    """As many as are taken, the worst of them: hard links, each to the one before. 256 MB less what else is loaded."""
    count = 30_000

    def index():
        walk = write_index._Walk("layer.tar")
        walk.add(TarEntry(flag=REG, name=b"l0"), 1 << 22)
        for number in range(1, count):
            walk.add(TarEntry(flag=LINK, name=b"l%d" % number, link=b"l%d" % (number - 1), start=number), 1 << 22)
        assert len(walk.index(BytesSource(b"", "layer.tar")).starts) == count

    assert peak_bytes(index) / count * write_index.MAX_ENTRIES < 150_000_000


def test_long_names_of_owners_are_not_kept():
    texts = write_json.EntryTexts("layer.tar")

    def all_of_them():
        for number in range(50):
            name = b"%d" % number * 250_000  # up to half a megabyte
            assert "userName" in texts.text(TarEntry(flag=DIR, name=b"d", uid=number, uname=name)).before
            assert "userName" not in texts.text(TarEntry(flag=DIR, name=b"d", uid=number, uname=name)).before

    assert peak_bytes(all_of_them) < 8 << 20


def test_long_names_count_as_memory_on_the_way(tmp_path):
    """A megabyte of name, again in the TOC for each of 100 chunks: what is on its way is bounded all the same."""
    layer = source_of(entry("n" * 1_000_000, bytes(100_000), tar_format=tarfile.PAX_FORMAT))
    options = WriteOptions(level=1, chunk_size_bytes=1000)
    peak = peak_bytes(lambda: write_layer(layer, tmp_path / "blob", options))
    assert peak < write_window.WINDOW_BYTES + (20 << 20)


def test_long_chains_of_links_are_followed(tmp_path):
    """Each link to the one before; the last one is prioritised, so all of them come first, in order."""
    links = [hard_link(f"l{i}", f"l{i - 1}" if i else "f") for i in range(3000)]
    layer = source_of(entry("f", b"data"), *reversed(links))
    _, blob = convert(layer, tmp_path / "blob", WriteOptions(priorities=("l2999",)))
    assert [e["name"] for e in toc_of(blob)][:5] == ["f", "l0", "l1", "l2", "l3"]
    assert blob.files.hardlinks["l2999"] == "f"


def test_what_was_prioritised_may_link_through_itself(tmp_path):
    """A folder that is a link to a file below it: the reference recurses until it crashes."""
    layer = source_of(entry("f", b"1"), hard_link("d", "d2/x"), entry("d2/x", b"2"), hard_link("d/y", "f"))
    write_layer(layer, tmp_path / "blob", WriteOptions(priorities=("d/y",), allow_missing=True))


def test_memory_does_not_grow_with_the_layer(tmp_path):
    """10 MB of headers and 400 MB of one file, in a process of its own."""
    code = (
        "import sys; from pathlib import Path; from sim.core.source import FileSource\n"
        "from sim.formats.estargz import WriteOptions, write_layer\n"
        "with FileSource(sys.argv[1]) as s: write_layer(s, Path(sys.argv[2]), WriteOptions(level=1))\n"
        "print(Path('/proc/self/status').read_text().partition('VmHWM:')[2].split()[0])"  # KiB; rusage has the parent's
    )
    layer = tmp_path / "layer.tar"
    with layer.open("wb") as out:
        out.write(b"".join(soft_link(f"links/{i}", "elsewhere") for i in range(20_000)))
        out.write(header("zeros", size=400 << 20))
        out.truncate(out.tell() + (400 << 20))
    done = subprocess.run(
        [sys.executable, "-c", code, str(layer), str(tmp_path / "blob")], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) * 1024 < 256 << 20


def test_a_tar_of_nothing_but_zeros_is_empty(tmp_path):
    _, blob = convert(BytesSource(bytes(1 << 20), "zeros"), tmp_path / "blob")
    assert len(open_blob(blob.source).entries) == 1


def test_the_largest_layer_that_is_written_can_be_read(tmp_path):
    """A conversion adds a landmark and a TOC to what it takes; read as a tar, they count too."""
    added = tarlayer.MAX_ENTRIES - write_index.MAX_ENTRIES
    layer = b"".join(entry(f"f{number}", b"x") for number in range(10)) + END
    write_layer(BytesSource(layer, "layer"), tmp_path / "blob")
    with FileSource(tmp_path / "blob") as written:
        tarlayer.read_tar_layer(written, max_entries=10 + added)
        with pytest.raises(BadBlob, match="more than 11 files"):
            tarlayer.read_tar_layer(written, max_entries=10 + added - 1)

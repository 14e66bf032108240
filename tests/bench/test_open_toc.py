"""Opening a layer whose TOC has 30,000 entries, against `Open` of the Go reference library on the same blob.

Both end ready to find a file by its path and its chunks by an offset, and find one. Both are timed from inside, by the
wall clock, without the start of a process; they take turns, so that a busy machine disturbs both alike.
"""

import gc
import io
import json
import random
import shutil
import statistics
import subprocess
import tarfile
import time
from pathlib import Path

import pytest

from sim.core.source import FileSource
from sim.formats.estargz import open_blob

pytestmark = pytest.mark.bench

TOOL_SOURCE = Path(__file__).resolve().parents[2] / "tools" / "estargz"
ENTRIES = 30_000
TURNS = 15
FOUND = "usr/lib/python3/dist-packages/package0/module5.py"


@pytest.fixture(scope="module")
def tool(tmp_path_factory):
    if shutil.which("go") is None:
        pytest.skip("Go is not installed, so opening a TOC was NOT measured against the reference; install Go 1.25")
    built = tmp_path_factory.mktemp("tool") / "estargz"
    subprocess.run(["go", "build", "-o", str(built), "."], cwd=TOOL_SOURCE, check=True)
    return built


@pytest.fixture(scope="module")
def blob(tool, tmp_path_factory):
    folder = tmp_path_factory.mktemp("layer")
    (folder / "layer.tar").write_bytes(layer())
    command = [
        str(tool),
        "convert",
        "-in",
        str(folder / "layer.tar"),
        "-out",
        str(folder / "layer.esgz"),
        "-level",
        "1",
    ]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return folder / "layer.esgz"


def layer():
    """A layer as of a language's packages: 5 % directories, 5 % symlinks, 1 % hard links, small files."""
    draw = random.Random(1)
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for number in range(ENTRIES):
            folder = f"usr/lib/python3/dist-packages/package{number // 20}"
            match number % 100:
                case 0 | 20 | 40 | 60 | 80:
                    add(tar, f"{folder}/", kind=tarfile.DIRTYPE)
                case 1 | 21 | 41 | 61 | 81:
                    add(tar, f"{folder}/link{number}", kind=tarfile.SYMTYPE, link=f"module{number + 1}.py")
                case 7:
                    add(tar, f"{folder}/hard{number}", kind=tarfile.LNKTYPE, link=f"{folder}/module{number - 1}.py")
                case _:
                    add(tar, f"{folder}/module{number}.py", draw.randbytes(draw.randrange(20, 300)))
    return raw.getvalue()


def add(tar, name, data=b"", *, kind=tarfile.REGTYPE, link=""):
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname, entry.size, entry.mtime = kind, link, len(data), 1_600_000_000
    tar.addfile(entry, io.BytesIO(data))


def reference(tool, blob, *options):
    """What the reference library says of two openings: the first warms up."""
    command = [str(tool), "time-open", "-in", str(blob), "-find", FOUND, "-times", "2", *options]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


def reference_s(tool, blob):
    return reference(tool, blob)["taken_ns"][-1] / 1e9


def ours_s(blob):
    """The second of two, too."""
    for _ in range(2):
        gc.collect()
        with FileSource(blob) as source:
            start = time.perf_counter()
            opened = open_blob(source)
            assert first_chunk(opened, FOUND) > 0
            taken = time.perf_counter() - start
        del opened
    return taken


def first_chunk(opened, path):
    """Where the first chunk of a file with bytes lies in the blob, else 0."""
    row = opened.files.listed(path)
    first, last = opened.chunks.of_file(row) if row is not None else (0, 0)
    return int(opened.chunks.offset[first]) if first < last else 0


def listed(opened):
    """What the reference lists: of a hard link the file it names."""
    files, seen = opened.files, {}
    for path in files.real:
        entry = opened.entries[files.real[files.hardlinks.get(path, path)]]
        seen[path] = {"type": entry.type, "size": entry.size, "offset": first_chunk(opened, path)}
    return seen


def test_both_see_the_same_entries(tool, blob):
    """Directories that have no entry aside, which the reference makes up."""
    theirs = reference(tool, blob, "-list")["entries"]
    with FileSource(blob) as source:
        mine = listed(open_blob(source))
    assert len(mine) == ENTRIES + 1  # the landmark
    assert {path: seen for path, seen in theirs.items() if path in mine or seen["type"] != "dir"} == mine


def test_opening_a_toc(tool, blob):
    turns = [(reference_s(tool, blob), ours_s(blob)) for _ in range(TURNS)]
    theirs, mine = zip(*turns, strict=True)
    least, middle = ((act(theirs), act(mine)) for act in (min, statistics.median))
    ratios = sorted(other / own for other, own in turns)
    print(
        f"\nopening {ENTRIES:,} entries and finding a chunk, {TURNS} turns: "
        f"min {least[1] * 1e3:.1f} ms, the reference {least[0] * 1e3:.1f}, {least[0] / least[1]:.2f} times as fast; "
        f"median {middle[1] * 1e3:.1f} ms, the reference {middle[0] * 1e3:.1f}, {middle[0] / middle[1]:.2f} times; "
        f"turn by turn {ratios[0]:.2f} to {ratios[-1]:.2f}"
    )

"""Opening a layer whose TOC has 30,000 entries, against `Open` of the Go reference library on the same blob.

Timed twice: opening alone, and with a file's first chunk found. We check where all chunks lie at opening, the reference
does not. Each is timed inside a process of its own, by the wall clock, without its start; they take turns, so that a
busy machine disturbs both alike.
"""

import io
import json
import random
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from statistics import median

import pytest

from sim.core.source import FileSource
from sim.formats.estargz import open_blob
from tests.bench.open_once import first_chunk

pytestmark = pytest.mark.bench

ROOT = Path(__file__).resolve().parents[2]
TOOL_SOURCE = ROOT / "tools" / "estargz"
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
    """Seconds to open, and until a chunk is found."""
    taken = reference(tool, blob)
    return taken["open_ns"][-1] / 1e9, taken["find_ns"][-1] / 1e9


def ours_s(blob):
    command = [sys.executable, "-m", "tests.bench.open_once", str(blob), FOUND]
    return json.loads(subprocess.run(command, check=True, capture_output=True, cwd=ROOT).stdout)


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
    print(f"\nopening {ENTRIES:,} entries, {TURNS} turns; ms of lazypull, of the reference, and their ratio")
    for number, what in enumerate(("opened", "and a chunk found")):
        theirs, mine = ([side[number] for side in sides] for sides in zip(*turns, strict=True))
        print(f"{what:18} min {ratio(min(theirs), min(mine))}; median {ratio(median(theirs), median(mine))}")


def ratio(theirs_s, mine_s):
    return f"{mine_s * 1e3:.1f} {theirs_s * 1e3:.1f} {theirs_s / mine_s:.2f}"

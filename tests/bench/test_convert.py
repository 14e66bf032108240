"""Converting an image to eStargz, against `ctr-remote image optimize --no-optimize` on the same processors.

Both are whole processes at their defaults (level 9, chunks of 4 MiB), from image to image on this machine: ours between
OCI folders, theirs within a containerd of our own, whose processor time is not counted. They take turns.
"""

import json
import shutil
import statistics
import sys
import tarfile
from pathlib import Path

import pytest

from sim.catalog.cache import image_folder
from sim.testbed import process
from sim.testbed.binaries import built
from sim.testbed.commands import run
from sim.testbed.containerd import Containerd, start
from tests.bench.cost import cost_of
from tests.testbed.real import skip_unless_possible, state_folder

pytestmark = [pytest.mark.bench, pytest.mark.root]

TURNS = 3
MAX_PEAK_BYTES = 256 << 20
LAZYPULL = Path(sys.executable).parent / "lazypull"


class Reference:
    """`ctr-remote` and the containerd it works in."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._socket = folder, Containerd(folder).socket

    def import_image(self, oci):
        """Put an OCI folder into the store, not unpacked."""
        archive = self._folder / "image.tar"
        with tarfile.open(archive, "w") as tar:
            tar.add(oci, arcname=".")
        self._ctr("images", "import", "--local", "--no-unpack", "--base-name", "source", archive)
        archive.unlink()

    def convert(self, name):
        """Cost of one conversion, and bytes of the layers it made; they are deleted again."""
        images = "images", "optimize", "--no-optimize", "--oci", f"source:{name}", f"converted:{name}"
        cost = cost_of("ctr-remote", "-a", self._socket, *images)
        listed = self._ctr("images", "ls", f"name==converted:{name}").splitlines()[1].split()
        manifest = json.loads(self._ctr("content", "get", listed[2]))
        self._ctr("images", "rm", "--sync", f"converted:{name}")
        return cost, layer_bytes(manifest)

    def _ctr(self, *arguments):
        return run(str(built().path("ctr")), "-a", str(self._socket), *map(str, arguments))


@pytest.fixture(scope="module")
def reference():
    skip_unless_possible()
    if shutil.which("ctr-remote") is None:
        pytest.skip("ctr-remote IS NOT INSTALLED (Debian: stargz-snapshotter): conversion was NOT measured against it")
    with state_folder() as name:
        folder = Path(name)
        start(Containerd(folder), built())
        try:
            yield Reference(folder)
        finally:
            process.stop("containerd", folder)


def ours(oci, folder):
    """Cost of one conversion, and bytes of the layers it made; they are deleted again."""
    cost = cost_of(LAZYPULL, "image", "convert", f"oci:{oci}", f"oci:{folder}")
    blobs = folder / "blobs" / "sha256"
    index = json.loads((folder / "index.json").read_text())
    manifest = json.loads((blobs / index["manifests"][0]["digest"].removeprefix("sha256:")).read_text())
    shutil.rmtree(folder)
    return cost, layer_bytes(manifest)


def layer_bytes(manifest):
    return sum(layer["size"] for layer in manifest["layers"])


@pytest.mark.parametrize("name", ["web", "numpy"])
def test_converting(reference, name, tmp_path):
    oci = image_folder(name) / "oci"
    if not oci.exists():
        pytest.skip(f"NO IMAGE {name} HERE: its conversion was NOT measured; run `make images`")
    reference.import_image(oci)
    turns = [(reference.convert(name), ours(oci, tmp_path / "out")) for _ in range(TURNS)]
    theirs, mine = zip(*turns, strict=True)
    print(f"\nconverting {name}: min and median of {TURNS} turns\n{table(theirs, mine)}")
    assert max(size for _, size in mine) <= min(size for _, size in theirs)
    assert max(cost.peak_bytes for cost, _ in mine) <= MAX_PEAK_BYTES


def table(theirs, mine):
    """One line a program and one of ratios; MB is 10⁶ bytes, MiB 2²⁰."""
    lines = [f"{'':12}{'wall s':>16}{'CPU s':>16}{'output MB':>11}{'peak MiB':>10}"]
    for program, turns in (("ctr-remote", theirs), ("lazypull", mine)):
        wall, cpu = ([getattr(cost, field) for cost, _ in turns] for field in ("wall_s", "cpu_s"))
        size, peak = max(size for _, size in turns), max(cost.peak_bytes for cost, _ in turns)
        lines.append(f"{program:12}{spread(wall):>16}{spread(cpu):>16}{size / 1e6:>11.2f}{peak / 2**20:>10.0f}")
    wall, cpu = (
        [getattr(slow, field) / getattr(fast, field) for (slow, _), (fast, _) in zip(theirs, mine, strict=True)]
        for field in ("wall_s", "cpu_s")
    )
    lines.append(f"{'ratio':12}{spread(wall):>16}{spread(cpu):>16}")
    return "\n".join(lines)


def spread(values):
    return f"{min(values):.2f} {statistics.median(values):.2f}"

"""The reference eStargz converter, compiled from `tools/estargz` when first needed, and what it says of each blob."""

import hashlib
import shutil
from collections.abc import Sequence
from pathlib import Path

import msgspec

import sim
from sim.catalog.cache import cache_folder, new_folder
from sim.catalog.chroot import call
from sim.core.errors import NotPossibleHere

MODULE = "github.com/containerd/stargz-snapshotter/estargz"
BLOB_FILE = "blob"
FACTS_FILE = "facts.json"
LIST_FILE = "prioritized"


class BlobFacts(msgspec.Struct, frozen=True):
    """What the converter printed of a blob; sizes in bytes."""

    digest: str
    size: int
    toc_digest: str
    diff_id: str
    uncompressed_size: int


def convert_layer(layer: Path, out: Path, prioritized: Sequence[str] = ()) -> BlobFacts:
    """Convert one tar.gz to the folder `out` (blob, facts, list) with the converter's defaults, unless it is there.

    prioritized: paths to lie before the prefetch landmark, in order; none gives the no-prefetch landmark.
    """
    facts = out / FACTS_FILE
    if not facts.exists():
        with new_folder(out) as folder:
            options = ["-in", str(layer), "-out", str(folder / BLOB_FILE)]
            if prioritized:
                (folder / LIST_FILE).write_text("".join(f"{path}\n" for path in prioritized))
                options += ["-prioritized", str(folder / LIST_FILE)]
            (folder / FACTS_FILE).write_text(call([str(_tool()), "convert", *options]))
    return msgspec.json.decode(facts.read_bytes(), type=BlobFacts)


def converter_version() -> str:
    """Module and version of the reference library, as the tool's go.mod pins it."""
    for line in (_source_folder() / "go.mod").read_text().splitlines():
        words = line.split()
        if words[:1] == [MODULE]:
            return " ".join(words[:2])
    raise NotPossibleHere(f"{_source_folder() / 'go.mod'}: {MODULE} is not required there; restore the checkout")


def _tool() -> Path:
    """Return the compiled tool; the name holds a digest of its sources."""
    source = _source_folder()
    total = hashlib.sha256()
    for file in sorted(source.iterdir()):
        if file.suffix in (".go", ".mod", ".sum"):
            total.update(file.read_bytes())
    tool = cache_folder() / "tools" / total.hexdigest()[:24] / "estargz"
    if not tool.exists():
        go = shutil.which("go")
        if go is None:
            raise NotPossibleHere("converting needs the Go tool chain; install it (Debian: `apt-get install golang`)")
        with new_folder(tool.parent) as folder:
            call([go, "build", "-C", str(source), "-o", str(folder / tool.name), "."])
    return tool


def _source_folder() -> Path:
    folder = Path(sim.__file__).parent.parent / "tools" / "estargz"
    if not folder.is_dir():
        raise NotPossibleHere(f"{folder}: converting needs a checkout of lazypull; install it with pip -e from one")
    return folder

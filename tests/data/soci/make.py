"""Make the sample layer and the facts beside this file: `python tests/data/soci/make.py` (needs Go and zlib1g-dev).

The facts are what SOCI's own builder (tools/soci) says of the sample here and of those for eStargz.
"""

import gzip
import io
import json
import random
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOOL_SOURCE = HERE.parents[2] / "tools" / "soci"
ESTARGZ = HERE.parent / "estargz"
SPAN_BYTES = 40_000


def main() -> None:
    (HERE / "text.tar.gz").write_bytes(gzip.compress(build_tar(), 6, mtime=0))
    with tempfile.TemporaryDirectory() as work:
        tool = Path(work) / "soci"
        subprocess.run(["go", "build", "-o", str(tool), "."], cwd=TOOL_SOURCE, check=True)
        layers = [HERE / "text.tar.gz", *sorted(ESTARGZ.glob("*.tar.gz"))]
        facts = {f"{layer.parent.name}/{layer.name}": describe(tool, layer) for layer in layers}
    (HERE / "facts.json").write_text(json.dumps({"span_bytes": SPAN_BYTES, "layers": facts}, indent=1) + "\n")


def describe(tool: Path, layer: Path) -> dict:
    """What the builder says of one layer."""
    command = [str(tool), "-in", str(layer), "-span-size", str(SPAN_BYTES)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, env={"TZ": "UTC"}).stdout)


def build_tar() -> bytes:
    """Some 600 kB of words, in files that are smaller and larger than a span."""
    draw = random.Random(1)
    words = ["".join(draw.choices("etaoinshrdlu", k=draw.randrange(2, 9))) for _ in range(400)]
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for number, size in enumerate([0, 1, 300, 20_000, 150_000, 7, 60_000, 511, 250_000, 513, 90_000]):
            text = b""
            while len(text) < size:
                text += " ".join(draw.choices(words, k=20)).encode() + b"\n"
            entry = tarfile.TarInfo(f"docs/{number:02}.txt")
            entry.size, entry.mtime, entry.uid, entry.uname = size, 1_600_000_000 + number / 4, number, "name" * number
            tar.addfile(entry, io.BytesIO(text[:size]))
    return raw.getvalue()


if __name__ == "__main__":
    sys.exit(main())

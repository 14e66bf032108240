"""Make the reference blobs beside this file: `python tests/data/estargz/make.py [NAME…]` (needs Go).

The blobs are written and dumped by the reference library (tools/estargz); the tests compare our reader with the dump.
"""

import gzip
import hashlib
import io
import json
import struct
import subprocess
import sys
import tarfile
import tempfile
import zlib
from pathlib import Path

from samples import LEGACY, SAMPLES, Sample, build_tar_gz

HERE = Path(__file__).resolve().parent
TOOL_SOURCE = HERE.parents[2] / "tools" / "estargz"


def main(names: list[str]) -> None:
    stored = HERE / "facts.json"
    facts = json.loads(stored.read_text()) if stored.exists() else {}
    with tempfile.TemporaryDirectory() as work:
        tool = build_tool(Path(work))
        for name in names or [*SAMPLES, LEGACY]:
            facts[name] = legacy() if name == LEGACY else convert(tool, name, SAMPLES[name], Path(work))
            dump(tool, name)
    stored.write_text(json.dumps(facts, indent=1) + "\n")


def build_tool(work: Path) -> Path:
    """Compile tools/estargz."""
    tool = work / "estargz"
    subprocess.run(["go", "build", "-o", str(tool), "."], cwd=TOOL_SOURCE, check=True)
    return tool


def convert(tool: Path, name: str, sample: Sample, work: Path) -> dict:
    """Write a sample's tar.gz and blob; what the tool says of the blob."""
    source = HERE / f"{sample.tar_of or name}.tar.gz"
    if sample.tar_of is None:
        source.write_bytes(build_tar_gz(sample))
    return convert_to(tool, source, HERE / f"{name}.esgz", sample, work)


def convert_to(tool: Path, source: Path, target: Path, sample: Sample, work: Path) -> dict:
    """Run the converter with a sample's options."""
    command = [str(tool), "convert", "-in", str(source), "-out", str(target), *sample.options]
    if sample.prioritized is not None:
        (work / "list").write_text("\n".join(sample.prioritized))
        command += ["-prioritized", str(work / "list")]
    if sample.external_toc:
        command += ["-external-toc", str(target.with_suffix(".toc"))]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


def dump(tool: Path, name: str) -> None:
    """Store what the reference reader sees."""
    command = [str(tool), "dump", "-in", str(HERE / f"{name}.esgz"), "-toc", str(HERE / f"{name}.toc")]
    lines = subprocess.run(command, check=True, capture_output=True).stdout
    (HERE / f"{name}.dump.gz").write_bytes(gzip.compress(lines, mtime=0))


def legacy() -> dict:
    """Write the sample in the old format; its digest and size."""
    data = legacy_blob((HERE / "sizes.esgz").read_bytes())
    (HERE / f"{LEGACY}.esgz").write_bytes(data)
    return {"digest": f"sha256:{hashlib.sha256(data).hexdigest()}", "size": len(data)}


def legacy_blob(blob: bytes) -> bytes:
    """The same payload as stargz wrote it: no landmark, an extra field on the TOC's member, a footer of 47 bytes."""
    toc_offset = int(blob[-51 + 16 : -51 + 32], 16)
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(blob[toc_offset:-51]))) as tar:
        toc = json.load(tar.extractfile("stargz.index.json"))
    toc["entries"] = [entry for entry in toc["entries"] if not entry["name"].endswith(".landmark")]
    for entry in toc["entries"]:
        entry["NumLink"] = 0  # old writers left it in; readers ignore it
    text = json.dumps(toc, indent="\t").encode()
    inner = io.BytesIO()
    with tarfile.open(fileobj=inner, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        entry = tarfile.TarInfo("stargz.index.json")
        entry.size, entry.mode = len(text), 0
        tar.addfile(entry, io.BytesIO(text))
    footer = (
        b"\x1f\x8b\x08\x04\0\0\0\0\0\xff" + b"\x16\0" + b"%016xSTARGZ" % toc_offset + b"\x01\0\0\xff\xff" + bytes(8)
    )
    return blob[:toc_offset] + gzip_with_extra(inner.getvalue(), b"stargz.toc") + footer


def gzip_with_extra(data: bytes, extra: bytes) -> bytes:
    """One gzip member with an extra field (RFC 1952)."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = packer.compress(data) + packer.flush()
    head = b"\x1f\x8b\x08\x04\0\0\0\0\x02\xff" + struct.pack("<H", len(extra)) + extra
    return head + body + struct.pack("<II", zlib.crc32(data), len(data))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

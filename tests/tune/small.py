"""A small real image: two tar.gz layers, measured; and recordings of a workload that reads a part of it."""

import gzip
import io
import random
import tarfile
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from sim.core.blocks import write_blocks
from sim.core.host import load_host
from sim.core.layout import write_layout
from sim.core.trace import OPERATIONS_SCHEMA, write_trace
from sim.core.tree import write_tree
from sim.experiment.plan import host_file
from sim.formats.blocks import measure_image
from sim.tune.gather import read_recordings
from sim.tune.subject import Subject, parse_network
from tests.experiment.small import RECIPE, make_trace

LARGE_BYTES = 3 << 20
SMALL_BYTES = 20_000
SMALL = [f"usr/share/small-{number:02d}" for number in range(40)]
LARGE = "usr/lib/large.so"
READ = SMALL[:10]  # by the recording that is tuned on
READ_OTHERS = SMALL[20:30]  # by one that needs other files
READ_MS = 10  # between the starts of two reads


def content(size, seed):
    """Half of it compresses to nothing, half not at all."""
    stream = random.Random(seed)
    return b"".join(stream.randbytes(512) + bytes(512) for _ in range(size // 1024)) + b"x" * (size % 1024)


def write_layers(folder):
    """Layer 0 holds the small files, layer 1 the large one. Returns their paths."""
    files = [{path: content(SMALL_BYTES, path) for path in SMALL}, {LARGE: content(LARGE_BYTES, LARGE)}]
    paths = []
    for number, layer in enumerate(files):
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
            for parent in ("usr", "usr/share", "usr/lib"):
                info = tarfile.TarInfo(parent)
                info.type, info.mode = tarfile.DIRTYPE, 0o755
                tar.addfile(info)
            for path, data in layer.items():
                info = tarfile.TarInfo(path)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
        paths.append(folder / f"layer-{number}.tar.gz")
        paths[-1].write_bytes(gzip.compress(buffer.getvalue(), 6, mtime=0))
    return tuple(paths)


def recording(content_id, files, kind="throttled"):
    """Each of the small files is read to its end, one after another; then 100 kB in the middle of the large one."""
    delay_ns = 5_000_000 if kind == "throttled" else 1_000
    reads = [(path, 0, 0, SMALL_BYTES) for path in files] + [(LARGE, 1, LARGE_BYTES // 2, 100_000)]
    operations = [
        (0, "read", path, layer, offset, length, READ_MS * 1_000_000 * row, READ_MS * 1_000_000 * row + delay_ns, False)
        for row, (path, layer, offset, length) in enumerate(reads)
    ]
    columns = zip(*operations, strict=True)
    table = pa.table(list(map(list, columns)), OPERATIONS_SCHEMA)
    return replace(make_trace(kind, content_id=content_id), operations=table)


def make_catalog(folder, name="mini"):
    """A catalog of one workload with layers, tree, gzip layout, blocks and three recordings; returns layers' paths."""
    home = folder / name
    home.mkdir(parents=True)
    layers = write_layers(folder)
    tree, layout, blocks = measure_image(layers)
    (home / "recipe.yaml").write_text(RECIPE.format(name=name))
    (home / "provenance.json").write_text("{}")
    write_tree(home / "tree", tree, {})
    write_layout(home / "gzip.layout", layout, {})
    write_blocks(home / "blocks", blocks, {})
    write_trace(home / "cold-5ms.trace", recording(tree.content_id, READ))
    write_trace(home / "cold-5ms-b.trace", recording(tree.content_id, READ_OTHERS))
    write_trace(home / "local-0ms.trace", recording(tree.content_id, READ, "local"))
    return layers


def make_subject(folder: Path, networks=("100 Mbit/s,20ms",), *, layers_at_hand=False) -> Subject:
    layers = write_layers(folder)
    tree, layout, blocks = measure_image(layers)
    for name, files in (("tuned", READ), ("judged", READ_OTHERS)):
        write_trace(folder / f"{name}.trace", recording(tree.content_id, files))
    return Subject(
        name="mini",
        tree=tree,
        gzip=layout,
        blocks=blocks,
        host=load_host(host_file("reference", Path())).host,
        tuned=read_recordings([folder / "tuned.trace"], tree.content_id),
        judged=read_recordings([folder / "judged.trace"], tree.content_id),
        networks=dict(map(parse_network, networks)),
        layers=layers if layers_at_hand else (),
    )

"""A catalog of one or two small workloads, made by hand: two layers, a few dozen files, half a megabyte compressed."""

import json

import pyarrow as pa

from sim.catalog import TRACE_KINDS
from sim.catalog.workloads import SECOND_TRACE
from sim.core.blocks import BLOCKS_KIND, Blocks, write_blocks
from sim.core.layout import LAYOUT_KIND, Layout, write_layout
from sim.core.trace import TRACE_KIND, Trace, TraceHeader, write_trace
from sim.core.tree import FILES_SCHEMA, Tree, write_tree

LAYERS = 2
FILES = 30  # a layer
SIZES = [1_000 + 997 * number for number in range(FILES)]  # raw bytes; compressed: a half
RAW_BYTES = LAYERS * sum(SIZES)
TOC_BYTES, TOC_RAW = 1_200, 12_000  # 31 or 30 rows of about 400 bytes
READ_FILES = 10  # the workload reads these files of layer 1 to the end
READ_BYTES = sum(SIZES[:READ_FILES])
READY_NS = 900_000_000

RECIPE = """
name: {name}
title: made up for tests
epoch: 0
layers: [{{name: base, bootstrap: {{suite: none, variant: none}}}}]
command: [run]
readiness: tcp:80
"""


def paths():
    return [f"file-{number:02d}" for number in range(FILES)]


def make_tree():
    rows = [
        (layer, path, "reg", size, 0o644, None, bytes(32))
        for layer in range(LAYERS)
        for path, size in zip(paths(), SIZES, strict=True)
    ]
    return Tree(_table(FILES_SCHEMA, rows), synthetic=True)


def make_layout(kind, content_id=None):
    """kind: gzip, estargz, estargz-landmark (10 files before the landmark of layer 1)."""
    rows = {name: [] for name in LAYOUT_KIND.tables}
    for layer in range(LAYERS):
        _gzip_layer(rows, layer) if kind == "gzip" else _estargz_layer(rows, layer, landmark=kind != "estargz")
    tables = {name: _table(schema, rows[name]) for name, schema in LAYOUT_KIND.tables.items()}
    return Layout(kind.removesuffix("-landmark"), content_id or make_tree().content_id, **tables)


def _gzip_layer(rows, layer):
    first, at = len(rows["entries"]), 512
    for path, size in zip(paths(), SIZES, strict=True):
        rows["extents"].append((len(rows["entries"]), 0, size, layer, at))
        rows["entries"].append((layer, layer, path, "reg", size, None))
        at += size + 512 + -size % 512
    assert len(rows["entries"]) == first + FILES
    size = sum(SIZES) // 2
    rows["units"].append((layer, 0, size, sum(SIZES), "gzip", None))
    rows["blobs"].append((layer, f"sha256:{layer:064x}", size, at + 512, "layer", "absent", None))


def _estargz_layer(rows, layer, *, landmark):
    kind = "prefetch" if landmark and layer == 1 else "no_prefetch"
    files = list(zip(paths(), SIZES, strict=True))
    mark = READ_FILES if kind == "prefetch" else 0
    name = ".prefetch.landmark" if kind == "prefetch" else ".no.prefetch.landmark"
    first = len(rows["entries"])
    rows["entries"] += [(layer, layer, path, "reg", size, None) for path, size in [(name, 1), *files]]
    extents, at, landmark_offset = [], 150, None
    order = [*range(1, mark + 1), 0, *range(mark + 1, FILES + 1)]
    for number in order:
        raw = 1 if number == 0 else SIZES[number - 1]
        if number == 0:
            landmark_offset = at
        extents.append((first + number, 0, raw, len(rows["units"]), 0))
        size = 200 if number == 0 else raw // 2
        rows["units"].append((layer, at, size, raw, "gzip", None))
        at += size
    rows["extents"] += sorted(extents)
    rows["index"] += [(layer, "footer", at + TOC_BYTES, 51, 51), (layer, "toc", at, TOC_BYTES, TOC_RAW)]
    blob = f"sha256:{layer + 16:063x}{'1' if landmark else '0'}"
    rows["blobs"].append((layer, blob, at + TOC_BYTES + 51, sum(SIZES), "layer", kind, landmark_offset))


def make_blocks(content_id=None):
    """What compresses as `make_layout("estargz")` has it: every file to a half, headers and TOC to about the same."""
    members = [
        (layer, 1 if layer or number else 0, size, 512, 40, 400, len(path) + 2, 0, 0)
        for layer in range(LAYERS)
        for number, (path, size) in enumerate(zip(paths(), SIZES, strict=True))
    ]
    tables = {
        "layers": [(TOC_BYTES, TOC_BYTES, TOC_BYTES)] * LAYERS,
        "members": members,
        "blocks": [(size // 2, 0) for _, _, size, *_ in members],
    }
    made = {name: _table(schema, tables[name]) for name, schema in BLOCKS_KIND.tables.items()}
    return Blocks(content_id or make_tree().content_id, "made up", **made)


def make_trace(kind, content_id=None, **header):
    delay_ns = 5_000_000 if kind == "throttled" else 1_000
    operations = [
        (0, "read", path, 1, 0, 131_072, 10_000_000 * number, 10_000_000 * number + delay_ns, False)
        for number, path in enumerate(paths()[:READ_FILES])
    ]
    fields = {
        "workload": "tiny",
        "content_id": content_id or make_tree().content_id,
        "command": ("run",),
        "readiness": "tcp:80",
        "read_delay_s": 0.005 if kind == "throttled" else 0.0,
        "page_cache": "cold",
        "events_lost": 0,
        "host": {},
        "recorder": {},
        "recorded_at": "2026-01-01T00:00:00Z",
    }
    tables = {
        "operations": operations,
        "threads": [(1, 1, -1, "run", 0, None)],
        "waits": [],
        "marks": [("ready", READY_NS)],
    }
    made = {name: _table(TRACE_KIND.tables[name], rows) for name, rows in tables.items()}
    return Trace(TraceHeader(**(fields | header)), **made)


def make_catalog(folder, names=("tiny",)):
    """Write the workloads' recipes, trees, layouts and traces."""
    for name in names:
        home = folder / name
        home.mkdir(parents=True)
        (home / "recipe.yaml").write_text(RECIPE.format(name=name))
        (home / "provenance.json").write_text(json.dumps({}))
        write_tree(home / "tree", make_tree(), {})
        for kind in ("gzip", "estargz", "estargz-landmark"):
            write_layout(home / f"{kind}.layout", make_layout(kind), {})
        for kind, file in TRACE_KINDS.items():
            write_trace(home / file, make_trace(kind))
        write_trace(home / SECOND_TRACE, make_trace("throttled"))
        write_blocks(home / "blocks", make_blocks(), {})
    return folder


def _table(schema, rows):
    columns = list(zip(*rows, strict=True)) or [()] * len(schema)
    return pa.table([pa.array(list(values), field.type) for values, field in zip(columns, schema, strict=True)], schema)

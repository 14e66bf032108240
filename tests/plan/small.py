"""Small traces and layouts by hand."""

import pyarrow as pa

from sim.core.layout import BLOBS_SCHEMA, ENTRIES_SCHEMA, EXTENTS_SCHEMA, INDEX_SCHEMA, UNITS_SCHEMA, Layout
from sim.core.trace import MARKS_SCHEMA, OPERATIONS_SCHEMA, THREADS_SCHEMA, WAITS_SCHEMA, Trace, TraceHeader

CONTENT = "sha256:" + "1" * 64


def op(start, end, path="a", *, kind="read", offset=0, length=None, layer=0, thread=0, copy_up=False):
    """One operation, times in seconds; a read asks for 10 bytes unless told."""
    asked = (10 if kind == "read" else 0) if length is None else length
    return (thread, kind, path, layer, offset, asked, round(start * 1e9), round(end * 1e9), copy_up)


def trace(operations, marks=(), content_id=CONTENT):
    """Trace of `op` tuples in order of start; marks are (name, seconds)."""
    header = TraceHeader(
        workload="toy",
        content_id=content_id,
        command=("toy",),
        readiness="exit",
        read_delay_s=0.0,
        page_cache="cold",
        events_lost=0,
        host={},
        recorder={},
        recorded_at="2026-01-01T00:00:00Z",
        synthetic=True,
    )
    return Trace(
        header,
        operations=table(OPERATIONS_SCHEMA, operations),
        threads=table(THREADS_SCHEMA, []),
        waits=table(WAITS_SCHEMA, []),
        marks=table(MARKS_SCHEMA, [(name, round(at * 1e9)) for name, at in marks]),
    )


def layout(files, unit_of=None, content_id=CONTENT):
    """Layout of files {(layer, path): [unit raw sizes] or "hard link target"}; units are numbered as they come.

    A negative size is a hole.

    unit_of: {(layer, path): [unit numbers]} where a file lies in units of others.
    """
    entries, extents = [], []
    sizes = {}
    for (layer, path), content in sorted(files.items()):
        link = content if isinstance(content, str) else None
        lengths = [] if link else content
        entries.append((layer, layer, path, "hardlink" if link else "reg", sum(map(abs, lengths)), link))
        at = 0
        for part, length in enumerate(lengths):
            if length < 0:
                at -= length
                continue
            shared = (unit_of or {}).get((layer, path))
            unit = shared[part] if shared else len(sizes)
            extents.append((len(entries) - 1, at, length, unit, sizes.get(unit, 0)))
            sizes[unit] = sizes.get(unit, 0) + length
            at += length
    units = [(0, 100 * unit, 100, raw, "gzip", None) for unit, raw in sorted(sizes.items())]
    return Layout(
        "estargz",
        content_id,
        blobs=table(BLOBS_SCHEMA, []),
        entries=table(ENTRIES_SCHEMA, entries),
        units=table(UNITS_SCHEMA, units),
        extents=table(EXTENTS_SCHEMA, extents),
        index=table(INDEX_SCHEMA, []),
        synthetic=True,
    )


def table(schema, rows):
    columns = zip(*rows, strict=True) if rows else [[] for _ in schema]
    arrays = [pa.array(values, field.type) for values, field in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)

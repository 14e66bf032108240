"""Hand-made worlds: an image of a few files in one or two layers, a program of a few steps, a host without costs."""

from dataclasses import fields
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from sim.core.host import Host
from sim.core.layout import (
    BLOBS_SCHEMA,
    ENTRIES_SCHEMA,
    EXTENTS_SCHEMA,
    INDEX_SCHEMA,
    UNITS_SCHEMA,
    Layout,
)
from sim.core.network import Network, Registry
from sim.core.program import ROOT, HitCounts, Program
from sim.core.result import RunTables
from sim.plan.columns import layout_columns
from sim.strategy import Case, preset

MB = 1_000_000
FOOTER_BYTES = 51
TOC_BYTES = 1_000


def make_layout(layers: list[list[tuple[str, int, int]]], *, landmark: int = 0, format: str = "estargz") -> Layout:
    """Layers of files (path, compressed, raw), one unit each, laid out one after the other, TOC and footer behind.

    landmark: how many files of each layer lie before its landmark (0: none).
    """
    blobs, entries, units, extents, index = [], [], [], [], []
    for layer, files in enumerate(layers):
        at = 0
        landmark_offset = None
        for number, (path, size, raw) in enumerate(files):
            if landmark and number == landmark:
                landmark_offset = at
            extents.append((len(entries), 0, raw, len(units), 0))
            entries.append((layer, layer, path, "reg", raw, None))
            units.append((layer, at, size, raw, "gzip", None))
            at += size
        if landmark and landmark_offset is None:
            landmark_offset = at
        kind = "prefetch" if landmark else "no_prefetch"
        index.append((layer, "toc", at, TOC_BYTES, 10 * TOC_BYTES))
        index.append((layer, "footer", at + TOC_BYTES, FOOTER_BYTES, 0))
        size = at + TOC_BYTES + FOOTER_BYTES
        raw_size = sum(raw for _, _, raw in files)
        blobs.append((layer, f"sha256:{layer:064x}", size, raw_size, "layer", kind, landmark_offset))
    tables = (
        (blobs, BLOBS_SCHEMA),
        (entries, ENTRIES_SCHEMA),
        (units, UNITS_SCHEMA),
        (extents, EXTENTS_SCHEMA),
        (index, INDEX_SCHEMA),
    )
    return Layout(format, "sha256:made", *(_table(rows, schema) for rows, schema in tables), synthetic=True)


def _table(rows: list[tuple[Any, ...]], schema: pa.Schema) -> pa.Table:
    return pa.Table.from_pylist([dict(zip(schema.names, row, strict=True)) for row in rows], schema=schema)


def make_program(steps: list[tuple[int, float, int, int]], ready: tuple[int, float]) -> Program:
    """Steps (anchor, gap, entry = unit, length) and the ready mark (anchor, gap); no hits."""
    columns = list(zip(*steps, strict=True)) if steps else [(), (), (), ()]
    count = len(steps)
    entry = np.array(columns[2], dtype=np.int64)
    return Program(
        anchor=np.array(columns[0], dtype=np.int64),
        gap_s=np.array(columns[1], dtype=np.float64),
        hits=_no_hits(count),
        entry=entry,
        offset=np.zeros(count, dtype=np.int64),
        length=np.array(columns[3], dtype=np.int64),
        unit_start=np.arange(count + 1),
        units=entry,
        copy_up=np.zeros(count, dtype=np.bool_),
        mark_names=("ready",),
        mark_anchor=np.array([ready[0]], dtype=np.int64),
        mark_gap_s=np.array([ready[1]]),
        mark_hits=_no_hits(1),
        operations=count,
        read_bytes=int(sum(columns[3])),
        copy_up_bytes=0,
    )


def _no_hits(count: int) -> HitCounts:
    return HitCounts(*(np.zeros(count, dtype=np.int64) for _ in range(4)))


def chain(units: list[int], *, think_s: float = 0.0, length: int = 1000) -> Program:
    """One thread that reads these units one after the other."""
    steps = [(number - 1 if number else ROOT, think_s, unit, length) for number, unit in enumerate(units)]
    return make_program(steps, (len(units) - 1, 0.0))


def free_host(**costs: float) -> Host:
    """A host on which nothing costs anything but what is named."""
    values: dict[str, Any] = {field.name: 0.0 for field in fields(Host)} | {"cores": 2} | costs
    return Host(**values)


def plain_network(rate_bytes_s: float, rtt_s: float = 0.0, **registry: Any) -> Network:
    """No overhead on the wire, no service time."""
    return Network(
        rate_bytes_s=rate_bytes_s,
        rtt_s=rtt_s,
        wire_overhead=1.0,
        request_wire_bytes=0,
        registry=Registry(**({"service_s": 0.0} | registry)),
    )


@pytest.fixture
def make_case():
    """Build a case from hand-made parts."""

    def build(strategy: str, layout: Layout, program: Program, network: Network, **more: Any) -> Case:
        values = {"host": free_host(), "readiness": "tcp:80"} | more
        return Case(
            workload="made",
            columns=layout_columns(layout),
            program=program,
            network=network,
            strategy=preset(strategy),
            **values,
        )

    return build


def rows(tables: RunTables, cause: str) -> list[dict[str, Any]]:
    """Requests of one cause."""
    return [row for row in tables.requests.to_pylist() if row["cause"] == cause]

"""A tiny workload, made up, in a catalog of its own: two layers, one script, one trace a delay."""

import gzip
import io
import tarfile
from pathlib import Path

import pyarrow as pa
import pytest

from sim.catalog.workloads import FOLDER_VARIABLE
from sim.core.layout import write_layout
from sim.core.trace import (
    MARKS_SCHEMA,
    OPERATIONS_SCHEMA,
    THREADS_SCHEMA,
    WAITS_SCHEMA,
    Trace,
    TraceHeader,
    write_trace,
)
from sim.core.tree import Tree, write_tree
from sim.formats.tarlayer import tar_layout

MILLISECOND = 1_000_000
RECIPE = """\
name: tiny
title: two files
epoch: 1000
layers:
  - name: base
    bootstrap: {suite: bookworm, variant: minbase}
  - name: application
    copy: [{source: hello, target: /srv/hello}]
command: [/bin/sh, /srv/hello]
readiness: exit
"""
LAYERS = ({"bin/": None, "bin/sh": b"shell", "bin/dash": b"dash"}, {"srv/": None, "srv/hello": b"echo hello"})


def tar_gz(entries: dict[str, bytes | None]) -> bytes:
    """A layer; a name that ends in / is a directory."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in entries.items():
            member = tarfile.TarInfo(name.rstrip("/"))
            member.type = tarfile.DIRTYPE if content is None else tarfile.REGTYPE
            member.mode, member.size = 0o755, len(content or b"")
            archive.addfile(member, io.BytesIO(content or b""))
    return gzip.compress(raw.getvalue(), mtime=0)


def operation(start_ms: float, kind: str, path: str, layer: int, length: int = 0) -> dict[str, object]:
    """One operation of thread 0 that lasts a millisecond."""
    start = round(start_ms * MILLISECOND)
    return {
        "thread": 0,
        "kind": kind,
        "path": path,
        "layer": layer,
        "offset": 0,
        "length": length,
        "start_ns": start,
        "end_ns": start + MILLISECOND,
        "copy_up": False,
    }


def tiny_trace(content_id: str, ready_ms: float, marks: dict[str, float] | None = None) -> Trace:
    """The shell is opened and read, then its script; `marks`: name → milliseconds."""
    header = TraceHeader(
        workload="tiny",
        content_id=content_id,
        command=("/bin/sh", "/srv/hello"),
        readiness="exit",
        read_delay_s=0.005,
        page_cache="cold",
        events_lost=0,
        host={},
        recorder={},
        recorded_at="2026-11-01T00:00:00+00:00",
        synthetic=True,
    )
    operations = [
        operation(1, "lookup", "bin", 0),
        operation(2, "open", "bin/sh", 0),
        operation(3, "read", "bin/sh", 0, 4096),
        operation(4, "readdir", "srv", 1),
        operation(5, "open", "srv/hello", 1),
        operation(6, "read", "bin/sh", 0, 4096),
    ]
    thread = {"tid": 1, "process": 1, "parent": -1, "program": "sh", "birth_ns": 0, "end_ns": None}
    rows = [
        {"name": name, "at_ns": round(at * MILLISECOND)} for name, at in {**(marks or {}), "ready": ready_ms}.items()
    ]
    return Trace(
        header,
        pa.Table.from_pylist(operations, OPERATIONS_SCHEMA),
        pa.Table.from_pylist([thread], THREADS_SCHEMA),
        WAITS_SCHEMA.empty_table(),
        pa.Table.from_pylist(rows, MARKS_SCHEMA),
    )


@pytest.fixture
def tiny_tree(tmp_path: Path) -> Tree:
    paths = []
    for number, entries in enumerate(LAYERS):
        path = tmp_path / f"{number}.tar.gz"
        path.write_bytes(tar_gz(entries))
        paths.append(path)
    return tar_layout(paths)[0]


@pytest.fixture
def tiny(tmp_path: Path, tiny_tree: Tree, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder of the workload `tiny` in a catalog that the package is pointed at."""
    folder = tmp_path / "traces" / "tiny"
    folder.mkdir(parents=True)
    (folder / "recipe.yaml").write_text(RECIPE)
    (folder / "hello").write_bytes(b"echo hello")
    write_tree(folder / "tree", tiny_tree, {})
    _, layout = tar_layout([tmp_path / "0.tar.gz", tmp_path / "1.tar.gz"])
    write_layout(folder / "gzip.layout", layout, {})
    write_trace(folder / "cold-5ms.trace", tiny_trace(tiny_tree.content_id, 20))
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "traces"))
    monkeypatch.setenv("LAZYPULL_CACHE", str(tmp_path / "cache"))
    return folder

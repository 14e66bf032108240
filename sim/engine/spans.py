"""Recorders of spans and HTTP requests: one array a column while the simulation runs, an Arrow table at the end."""

from array import array
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from sim.core.result import REQUESTS_SCHEMA, SPANS_SCHEMA
from sim.engine.codes import Codes


class Spans:
    """Records spans; columns as in `SPANS_SCHEMA`."""

    def __init__(self) -> None:
        self._kinds = Codes()
        self._paths = Codes()
        self._causes = Codes()
        self._kind = array("i")
        self._node = array("i")
        self._start = array("d")
        self._end = array("d")
        self._layer = array("i")
        self._path = array("i")
        self._bytes = array("q")
        self._requests = array("i")
        self._waits_for = array("i")
        self._critical = array("b")

    def __len__(self) -> int:
        return len(self._kind)

    def add(
        self,
        kind: str,
        node: int,
        start_s: float,
        end_s: float,
        *,
        layer: int = -1,
        path: str | None = None,
        bytes: int = 0,
        requests: int = 0,
        waits_for: str | None = None,
        critical: bool = False,
    ) -> int:
        """Add a span; returns its row, for `mark_critical`."""
        self._kind.append(self._kinds.code(kind))
        self._node.append(node)
        self._start.append(start_s)
        self._end.append(end_s)
        self._layer.append(layer)
        self._path.append(self._paths.code(path))
        self._bytes.append(bytes)
        self._requests.append(requests)
        self._waits_for.append(self._causes.code(waits_for))
        self._critical.append(critical)
        return len(self._kind) - 1

    def mark_critical(self, row: int) -> None:
        """Say that a span is on the chain that ends at ready, which is known only afterwards."""
        self._critical[row] = 1

    def table(self) -> pa.Table:
        """All spans, in order of adding."""
        columns = [
            self._kinds.column(self._kind),
            np.array(self._node),
            np.array(self._start),
            np.array(self._end),
            np.array(self._layer),
            self._paths.column(self._path),
            np.array(self._bytes),
            np.array(self._requests),
            self._causes.column(self._waits_for),
            np.array(self._critical, dtype=np.bool_),
        ]
        return _table(columns, SPANS_SCHEMA)


class Requests:
    """Records HTTP requests; columns as in `REQUESTS_SCHEMA`."""

    def __init__(self) -> None:
        self._blobs = Codes()
        self._causes = Codes()
        self._node = array("i")
        self._start = array("d")
        self._end = array("d")
        self._blob = array("i")
        self._bounds = array("q")  # first, last of all ranges of all requests
        self._ranges_end = array("i", [0])  # by request: ranges so far, its own included
        self._bytes = array("q")
        self._status = array("h")
        self._cause = array("i")
        self._connection = array("i")

    def __len__(self) -> int:
        return len(self._node)

    def add(
        self,
        node: int,
        start_s: float,
        end_s: float,
        *,
        blob: str,
        bytes: int,
        status: int,
        cause: str,
        ranges: Sequence[tuple[int, int]] = (),
        connection: int = -1,
    ) -> int:
        """Add a request; ranges are (first byte, last byte), none for the whole. Returns its row."""
        for first, last in ranges:
            self._bounds.append(first)
            self._bounds.append(last)
        self._ranges_end.append(self._ranges_end[-1] + len(ranges))
        self._node.append(node)
        self._start.append(start_s)
        self._end.append(end_s)
        self._blob.append(self._blobs.code(blob))
        self._bytes.append(bytes)
        self._status.append(status)
        self._cause.append(self._causes.code(cause))
        self._connection.append(connection)
        return len(self._node) - 1

    def table(self) -> pa.Table:
        """All requests, in order of adding."""
        pairs = pa.FixedSizeListArray.from_arrays(pa.array(np.array(self._bounds)), 2)
        columns = [
            np.array(self._node),
            np.array(self._start),
            np.array(self._end),
            self._blobs.column(self._blob),
            pa.ListArray.from_arrays(pa.array(np.array(self._ranges_end)), pairs),
            np.array(self._bytes),
            np.array(self._status),
            self._causes.column(self._cause),
            np.array(self._connection),
        ]
        return _table(columns, REQUESTS_SCHEMA)


def _table(columns: list[Any], schema: pa.Schema) -> pa.Table:
    arrays = [
        pa.array(column).cast(field.type) if isinstance(column, np.ndarray) else column.cast(field.type)
        for column, field in zip(columns, schema, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=schema)

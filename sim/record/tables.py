"""From the rows of a recording to the tables of a trace: time zero, order, thread numbers."""

from typing import Any

import numpy as np
import pyarrow as pa

from sim.core.trace import (
    MARKS_SCHEMA,
    NO_THREAD,
    OPERATION_KINDS,
    OPERATIONS_SCHEMA,
    READY_MARK,
    THREADS_SCHEMA,
    UPPER_LAYER,
    WAITS_SCHEMA,
)
from sim.record.messages import Outcome
from sim.record.rows import FIELDS
from sim.record.threads import ThreadFacts

Columns = dict[str, np.ndarray[Any, np.dtype[np.int64]]]


def trace_tables(outcome: Outcome) -> dict[str, pa.Table]:
    """Tables `operations`, `threads`, `waits`, `marks` of a recording.

    Operations that began before the command or after the recording was over are left out: they belong to the
    container's set-up and end.
    """
    columns = _columns(outcome)
    askers = {int(asker) for asker in np.unique(columns["thread"])}
    threads = [facts for facts in outcome.threads if facts.tid in askers or _is_of_container(facts, outcome)]
    threads.sort(key=lambda facts: (_birth(facts, columns), facts.tid))
    rows = {facts.tid: row for row, facts in enumerate(threads)}
    return {
        "operations": _operations(columns, rows, outcome),
        "threads": _threads(threads, rows, outcome.start_ns),
        "waits": WAITS_SCHEMA.empty_table(),
        "marks": _marks(outcome),
    }


def _columns(outcome: Outcome) -> Columns:
    rows = np.frombuffer(outcome.rows, dtype=np.int64).reshape(-1, len(FIELDS))
    if outcome.until_exit:
        rows = _with_late_upper_events(rows, outcome.over_ns)
    start = rows[:, FIELDS.index("start_ns")]
    rows = rows[(start >= outcome.start_ns) & (start <= outcome.over_ns)]
    order = np.lexsort((rows[:, FIELDS.index("end_ns")], rows[:, FIELDS.index("start_ns")]))
    return {name: rows[order, number] for number, name in enumerate(FIELDS)}


def _with_late_upper_events(rows: np.ndarray[Any, Any], over_ns: int) -> np.ndarray[Any, Any]:
    """Date back what the upper took just before the container's end and was read from the queue just after it."""
    start, end = FIELDS.index("start_ns"), FIELDS.index("end_ns")
    late = (rows[:, FIELDS.index("layer")] == UPPER_LAYER) & (rows[:, start] > over_ns)
    dated = rows.copy()
    dated[late, start] = over_ns
    dated[late, end] = over_ns
    return dated


def _operations(columns: Columns, rows: dict[int, int], outcome: Outcome) -> pa.Table:
    askers, where = np.unique(columns["thread"], return_inverse=True)
    numbers = np.array([rows.get(int(asker), NO_THREAD) for asker in askers], dtype=np.int64)
    used, path = np.unique(columns["path"], return_inverse=True)
    texts = pa.array([outcome.paths[number] for number in used], pa.string())
    arrays = {
        "thread": numbers[where] if len(where) else where,
        "kind": pa.DictionaryArray.from_arrays(columns["kind"].astype(np.int8), pa.array(OPERATION_KINDS)),
        "path": pa.DictionaryArray.from_arrays(path.astype(np.int32), texts),
        "layer": columns["layer"],
        "offset": columns["offset"],
        "length": columns["length"],
        "start_ns": columns["start_ns"] - outcome.start_ns,
        "end_ns": columns["end_ns"] - outcome.start_ns,
        "copy_up": np.isin(columns["serial"], _copied_up(columns, outcome)),
    }
    return pa.table({name: pa.array(values) for name, values in arrays.items()}).cast(OPERATIONS_SCHEMA)


def _copied_up(columns: Columns, outcome: Outcome) -> list[int]:
    """Serials of the opens whose reads were a copy-up's: of each creation, the last candidate before it."""
    created: dict[tuple[int, int], list[int]] = {}
    is_creation = (columns["layer"] == UPPER_LAYER) & (columns["kind"] == OPERATION_KINDS.index("create"))
    for row in np.flatnonzero(is_creation):
        key = int(columns["thread"][row]), int(columns["path"][row])
        created.setdefault(key, []).append(int(columns["start_ns"][row]))
    found: dict[tuple[int, int, int], int] = {}
    for candidate in sorted(outcome.copy_ups, key=lambda candidate: candidate.at_ns):
        for at_ns in created.get((candidate.asker, candidate.path), []):
            if at_ns >= candidate.at_ns:
                found[candidate.asker, candidate.path, at_ns] = candidate.serial
                break
    return list(found.values())


def _threads(threads: list[ThreadFacts], rows: dict[int, int], start_ns: int) -> pa.Table:
    of_process: dict[int, int] = {}
    for row, facts in enumerate(threads):
        of_process.setdefault(facts.process, row)
    table = [
        {
            "tid": facts.tid,
            "process": facts.process,
            "parent": rows.get(facts.parent_process, of_process.get(facts.parent_process, NO_THREAD)),
            "program": facts.program,
            "birth_ns": None if facts.birth_ns is None else facts.birth_ns - start_ns,
            "end_ns": None if facts.end_ns is None else facts.end_ns - start_ns,
        }
        for facts in threads
    ]
    return pa.Table.from_pylist(table, THREADS_SCHEMA)


def _marks(outcome: Outcome) -> pa.Table:
    marks = [(name, at_ns) for name, at_ns in outcome.marks if name != READY_MARK and at_ns <= outcome.over_ns]
    marks = sorted([*marks, (READY_MARK, outcome.ready_ns)], key=lambda mark: mark[1])
    rows = [{"name": name, "at_ns": at_ns - outcome.start_ns} for name, at_ns in marks]
    return pa.Table.from_pylist(rows, MARKS_SCHEMA)


def _is_of_container(facts: ThreadFacts, outcome: Outcome) -> bool:
    return facts.watched and facts.birth_ns is not None and facts.birth_ns <= outcome.over_ns


def _birth(facts: ThreadFacts, columns: Columns) -> int:
    if facts.birth_ns is not None:
        return facts.birth_ns
    first = np.flatnonzero(columns["thread"] == facts.tid)
    return int(columns["start_ns"][first[0]]) if len(first) else np.iinfo(np.int64).max

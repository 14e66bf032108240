"""What recorder and supervisor say to each other: one task in, one outcome out."""

import msgspec

from sim.record.rows import CopyUp
from sim.record.threads import ThreadFacts


class Task(msgspec.Struct, frozen=True):
    """What to run and record. lowers: bottom to top; scratch: an empty folder to mount on.

    plain: without the recorder: the layers themselves below the overlay, its writable layer on the scratch's disk.
    """

    lowers: list[str]
    scratch: str
    command: list[str]
    env: dict[str, str]
    cwd: str
    readiness: str
    last_mark: str | None
    read_delay_s: float
    timeout_s: float
    drop_caches: bool
    plain: bool


class Outcome(msgspec.Struct, frozen=True):
    """What was recorded, or `failure`: one line that says why there is nothing.

    rows, copy_ups: see `sim.record.rows.FIELDS`, times on the monotonic clock as everything here.
    start_ns: when the command was executed. ready_ns: when the rule held. over_ns: when the recording was.
    until_exit: it was over because the container ended by itself.
    """

    failure: str = ""
    rows: bytes = b""
    paths: list[str] = []
    threads: list[ThreadFacts] = []
    copy_ups: list[CopyUp] = []
    marks: list[tuple[str, int]] = []
    start_ns: int = 0
    ready_ns: int = 0
    over_ns: int = 0
    until_exit: bool = False
    lost: int = 0

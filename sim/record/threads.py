"""Who asked: the container's threads, from the kernel's events and from /proc."""

import os
import threading
import time
from dataclasses import dataclass

TICKS_S = os.sysconf("SC_CLK_TCK")


@dataclass(slots=True)
class ThreadFacts:
    """One thread: identifiers in the recorder's process namespace, times on the monotonic clock or None.

    parent_process: 0 where unknown. program: "" where unknown. watched: its birth was told by the kernel, so
    that it is of the container even if it never asked for anything.
    """

    tid: int
    process: int
    parent_process: int
    program: str
    birth_ns: int | None
    end_ns: int | None = None
    watched: bool = False


class ThreadBook:
    """Facts of all threads seen, by tid. A thread that has gone before it was looked up keeps what is known."""

    def __init__(self) -> None:
        self.facts: dict[int, ThreadFacts] = {}
        self._lock = threading.Lock()
        self._boot_ns = time.monotonic_ns() - time.clock_gettime_ns(time.CLOCK_BOOTTIME)

    def seen(self, tid: int) -> None:
        """Note a thread that asks for something; cheap after the first time."""
        facts = self.facts.get(tid)
        if tid and (facts is None or not facts.program):
            with self._lock:
                self._merge(self._look_up(tid))

    def renamed(self, tid: int) -> None:
        """Read the program name again: after an exec, and at opens, as the first opens after it may come sooner."""
        facts = self.facts.get(tid)
        if facts is not None:
            facts.program = _comm(tid) or facts.program

    def born(self, tid: int, process: int, parent_process: int | None, at_ns: int) -> None:
        """Note a birth. parent_process: None for a further thread of `process`, whose parent is the same."""
        with self._lock:
            if parent_process is None:
                main = self.facts.get(process)
                parent_process = main.parent_process if main is not None else 0
            self._merge(ThreadFacts(tid, process, parent_process, "", at_ns, watched=True))

    def ended(self, tid: int, at_ns: int) -> None:
        """Note an end."""
        facts = self.facts.get(tid)
        if facts is not None:
            facts.end_ns = at_ns

    def _merge(self, new: ThreadFacts) -> None:
        old = self.facts.setdefault(new.tid, new)
        if old is new:
            return
        old.program = old.program or new.program
        if new.watched:  # the kernel's word on the birth is exact, that of /proc is not
            old.birth_ns, old.parent_process, old.watched = new.birth_ns, new.parent_process, True

    def _look_up(self, tid: int) -> ThreadFacts:
        try:
            with open(f"/proc/{tid}/status", "rb") as file:
                lines = dict(line.split(b":\t", 1) for line in file.read().splitlines() if b":\t" in line)
            with open(f"/proc/{tid}/stat", "rb") as file:
                after_name = file.read().rpartition(b")")[2].split()
        except OSError:
            return ThreadFacts(tid, tid, 0, "", None)
        birth_ns = int(after_name[19]) * 10**9 // TICKS_S + self._boot_ns  # field 22, clock ticks since boot
        return ThreadFacts(tid, int(lines[b"Tgid"]), int(lines[b"PPid"]), _comm(tid), birth_ns)


def _comm(tid: int) -> str:
    try:
        with open(f"/proc/{tid}/comm", "rb") as file:
            return file.read().rstrip(b"\n").decode("utf-8", "replace")
    except OSError:
        return ""

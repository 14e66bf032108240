"""Who asked: what /proc says about a thread, read when it is first seen and again when it opens a file."""

import os
import threading
import time
from dataclasses import dataclass

TICKS_S = os.sysconf("SC_CLK_TCK")


@dataclass(slots=True)
class ThreadFacts:
    """One thread: identifiers in the recorder's process namespace, times on the monotonic clock or None."""

    tid: int
    process: int
    parent_process: int
    program: str
    birth_ns: int | None
    end_ns: int | None = None


class ThreadBook:
    """Facts of all threads seen, by tid. A thread that has gone before it was looked up keeps what is known."""

    def __init__(self) -> None:
        self.facts: dict[int, ThreadFacts] = {}
        self._lock = threading.Lock()
        self._boot_ns = time.monotonic_ns() - time.clock_gettime_ns(time.CLOCK_BOOTTIME)

    def seen(self, tid: int) -> None:
        """Note a thread the first time it asks for something."""
        if tid and tid not in self.facts:
            with self._lock:
                if tid not in self.facts:
                    self.facts[tid] = self._look_up(tid)

    def renamed(self, tid: int) -> None:
        """Read the program name again: the opens that follow an exec are the first to see the new one."""
        facts = self.facts.get(tid)
        if facts is not None:
            facts.program = _comm(tid) or facts.program

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

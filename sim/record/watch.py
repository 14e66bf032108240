"""Watching a container: its lines of output, its end, and the moment its readiness rule holds."""

import subprocess
import threading
import time
from collections import deque
from typing import IO

from sim.record.ready import PROBE_EVERY_S, Exit, Http, Rule, Tcp, holds_for_line, holds_for_probe, mark_in

LAST_LINES = 5  # of output, kept for the message when the container fails
DRAIN_S = 2.0


class Watch:
    """Watches from construction on; `wait` gives the moment all that is awaited has come.

    marks: (name, monotonic ns) of every mark the workload set. ready_ns: when the rule held, None if not yet.
    last_mark: the recording goes on until this mark; None: until ready.
    """

    def __init__(self, process: subprocess.Popen[bytes], rule: Rule, last_mark: str | None) -> None:
        self.marks: list[tuple[str, int]] = []
        self.ready_ns: int | None = None
        self._process = process
        self._rule = rule
        self._last_mark = last_mark
        self._ended = threading.Event()
        self._stirred = threading.Event()  # something happened that `wait` must look at
        self._last: deque[str] = deque(maxlen=LAST_LINES)
        streams = [stream for stream in (process.stdout, process.stderr) if stream is not None]
        self._readers = [threading.Thread(target=self._read, args=(stream,), daemon=True) for stream in streams]
        for thread in (*self._readers, threading.Thread(target=self._await_end, daemon=True)):
            thread.start()

    def wait(self, timeout_s: float) -> int | None:
        """Monotonic ns when the recording is over: the rule held and the last mark, if one is awaited, was set.

        None when the container ended or the time ran out before.
        """
        until = time.monotonic() + timeout_s
        rule = self._rule
        while self._over_ns() is None and not self._ended.is_set():
            left_s = until - time.monotonic()
            if left_s <= 0:
                break
            if isinstance(rule, Tcp | Http) and self.ready_ns is None:
                if holds_for_probe(rule, left_s):
                    self._hold(time.monotonic_ns())
                left_s = min(left_s, PROBE_EVERY_S)
            self._stirred.wait(left_s)
            self._stirred.clear()
        if self._ended.is_set():
            self.drain()
        return self._over_ns()

    def drain(self) -> None:
        """Read what the ended container had written."""
        for reader in self._readers:
            reader.join(DRAIN_S)

    def describe_failure(self, readiness: str, timeout_s: float) -> str:
        """One line: why the recording was never over."""
        said = " | ".join(self._last) or "no output"
        awaited = repr(readiness) if self.ready_ns is None else f"the mark {self._last_mark!r}"
        if self._ended.is_set():
            return f"the command ended with status {self._process.returncode} before {awaited} came; it said: {said}"
        return f"{awaited} did not come within {timeout_s:g} s; raise the time-out or mend the rule; it said: {said}"

    def _over_ns(self) -> int | None:
        if self.ready_ns is None or self._last_mark is None:
            return self.ready_ns
        last = next((at_ns for name, at_ns in self.marks if name == self._last_mark), None)
        return None if last is None else max(last, self.ready_ns)

    def _hold(self, now_ns: int) -> None:
        if self.ready_ns is None:
            self.ready_ns = now_ns
            self._stirred.set()

    def _read(self, stream: IO[bytes]) -> None:
        for raw in iter(stream.readline, b""):
            now_ns = time.monotonic_ns()
            line = raw.decode("utf-8", "replace").rstrip("\r\n")
            self._last.append(line)
            name = mark_in(line)
            if name is not None:
                self.marks.append((name, now_ns))
                self._stirred.set()
            if holds_for_line(self._rule, line):
                self._hold(now_ns)

    def _await_end(self) -> None:
        status = self._process.wait()
        now_ns = time.monotonic_ns()
        if isinstance(self._rule, Exit) and status == 0:
            self._hold(now_ns)
        self._ended.set()
        self._stirred.set()

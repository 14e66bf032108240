"""The supervisor: a process with mounts and network of its own that serves the layers and runs the container.

Run as `python -m sim.record.supervise` by `sim.record.recording`: one JSON line on standard input is the
task, one msgpack document on standard output the outcome. Nothing it mounts is seen outside, and the kernel
removes all of it when the process ends, however it ends; the end of standard input ends it.
"""

import contextlib
import gc
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO

import msgspec

from sim.record import syscalls
from sim.record.births import BirthWatch
from sim.record.container import ContainerSpec
from sim.record.messages import Outcome, Task
from sim.record.mounts import Mounts
from sim.record.ready import Exit, parse_rule
from sim.record.rows import RowStore
from sim.record.threads import ThreadBook
from sim.record.upper import UpperWatch
from sim.record.watch import Watch

GRACE_S = 1.0  # between SIGTERM and SIGKILL
DROP_CACHES = Path("/proc/sys/vm/drop_caches")


class SetupFailed(Exception):
    """The container could not be started; the text says at what."""


class Supervisor:
    """Mounts, container and records of one task. `run` once."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._store = RowStore()
        self._threads = ThreadBook()
        self._births = BirthWatch()  # now, as it must listen in the network namespace this process leaves
        self._mounts = Mounts(task.scratch)
        self._stage: subprocess.Popen[bytes] | None = None
        self._first_process = 0

    def run(self) -> Outcome:
        """Record the task from mounting to unmounting."""
        task = self._task
        try:
            self._leave_namespaces()
            if task.plain:
                self._mounts.make_plain(task.lowers)
            else:
                self._mounts.make(task.lowers, read_delay_s=task.read_delay_s, store=self._store, threads=self._threads)
            return self._observe()
        except SetupFailed as error:
            return Outcome(failure=f"the container could not be started: {error}")
        except OSError as error:
            return Outcome(failure=f"{error.filename}: {error.strerror}")
        finally:
            self.kill()
            self._mounts.remove()

    def kill(self) -> None:
        """End the container and wait until it has gone; its process namespace takes all of it along."""
        if self._stage is None:
            return
        if self._stage.poll() is None:
            if self._first_process:
                self._signal(signal.SIGKILL)
            else:
                self._stage.kill()
        self._stage.wait()

    def _signal(self, number: signal.Signals) -> None:
        """Signal the container's first process, which may have ended a moment ago; its parent then ends by itself."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._first_process, number)

    def _leave_namespaces(self) -> None:
        syscalls.unshare(syscalls.CLONE_NEWNS | syscalls.CLONE_NEWNET)
        syscalls.make_mounts_private()
        syscalls.loopback_up()

    def _observe(self) -> Outcome:
        task = self._task
        rule = parse_rule(task.readiness)
        stage, lines, go = self._start_stage()
        watch = Watch(stage, rule, task.last_mark)
        self._first_process = int(_expect(lines, "pid", "ready")["pid"])
        self._births.follow(self._first_process, self._threads)
        if task.drop_caches:
            os.sync()
            DROP_CACHES.write_text("3")
        gc.freeze()
        gc.disable()  # a collection would hold up every server thread at once
        upper = UpperWatch(self._mounts.upper, self._store, self._threads)
        go.write(b"g")
        go.close()
        start_ns = int(_expect(lines, "start")["start"])
        _expect(lines)  # the pipe closes when the command is executed
        over_ns = watch.wait(task.timeout_s)
        if watch.ready_ns is None or over_ns is None:
            return Outcome(failure=watch.describe_failure(task.readiness, task.timeout_s))
        if not isinstance(rule, Exit):
            self._terminate(stage)
        watch.drain()
        upper.close()
        self._births.close()
        return self._outcome(watch, start_ns, watch.ready_ns, over_ns)

    def _start_stage(self) -> tuple[subprocess.Popen[bytes], IO[bytes], IO[bytes]]:
        task = self._task
        status_out, status_in = os.pipe()
        go_out, go_in = os.pipe()
        spec = ContainerSpec(self._mounts.root, task.scratch, task.command, task.env, task.cwd, status_in, go_out)
        stage = subprocess.Popen(
            [sys.executable, "-m", "sim.record.container", msgspec.json.encode(spec).decode()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=(status_in, go_out),
            cwd="/",
        )
        self._stage = stage
        os.close(status_in)
        os.close(go_out)
        return stage, os.fdopen(status_out, "rb"), os.fdopen(go_in, "wb", buffering=0)

    def _terminate(self, stage: subprocess.Popen[bytes]) -> None:
        self._signal(signal.SIGTERM)
        try:
            stage.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            self.kill()

    def _outcome(self, watch: Watch, start_ns: int, ready_ns: int, over_ns: int) -> Outcome:
        paths = [path.encode("utf-8", "surrogateescape").decode("utf-8", "replace") for path in self._store.paths.texts]
        return Outcome(
            rows=self._store.joined(),
            paths=paths,
            threads=list(self._threads.facts.values()),
            copy_ups=self._store.copy_ups,
            marks=watch.marks,
            start_ns=start_ns,
            ready_ns=ready_ns,
            over_ns=over_ns,
            until_exit=isinstance(parse_rule(self._task.readiness), Exit),
            lost=self._store.lost,
        )


def main() -> None:
    """Do the task on standard input; end at once, container first, when standard input ends."""
    task = msgspec.json.decode(sys.stdin.buffer.readline(), type=Task)
    supervisor = Supervisor(task)

    def end_with_recorder() -> None:
        sys.stdin.buffer.read()
        supervisor.kill()
        os._exit(1)

    threading.Thread(target=end_with_recorder, daemon=True).start()
    outcome = supervisor.run()
    sys.stdout.buffer.write(msgspec.msgpack.encode(outcome))
    sys.stdout.buffer.flush()
    os._exit(0)  # server threads may still be on their way out


def _expect(lines: IO[bytes], *wanted: str) -> dict[str, str]:
    """Read status lines until all `wanted` were seen (none: until the pipe closes)."""
    found: dict[str, str] = {}
    while not wanted or not found.keys() >= set(wanted):
        line = lines.readline().decode("utf-8", "replace")
        word, _, rest = line.rstrip("\n").partition(" ")
        if word == "error":
            raise SetupFailed(rest)
        if not line and wanted:
            raise SetupFailed("the container ended while it was set up")
        if not line:
            break
        found[word] = rest
    return found


if __name__ == "__main__":
    main()

"""`record`: run a command in an image's root file system and give back its trace. Needs root and FUSE."""

import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from sim.core.errors import BadInput, NotPossibleHere, RunFailed
from sim.record.messages import Outcome, Task
from sim.record.ready import parse_rule

if TYPE_CHECKING:
    from sim.core.trace import Trace

RECORDER_NAME = "fuse-passthrough"
RECORDER_VERSION = 1
DEFAULT_READ_DELAY_S = 0.005  # about what a first touch costs; why a recording is throttled: docs/model.md, "Replay"
DEFAULT_ENV = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
RUNTIME_ENV = {"HOME": "/root"}  # runc sets it where the image's config does not; the command runs as root
FUSE_DEVICE = Path("/dev/fuse")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """What to run and how to record it.

    lowers: unpacked layers, bottom to top; whiteouts are character devices 0/0, opaque folders carry
    the extended attribute `trusted.overlay.opaque`. They must not change while recording.
    content_id: of the `Tree` these layers are. readiness: see `sim.record.ready`.
    last_mark: go on recording after ready until the workload sets this mark.
    read_delay_s: added to each read. timeout_s: how long readiness may take.
    drop_caches: drop this machine's page cache first, so that the layers' files are cold below the FUSE mounts too;
    pages of the mounts themselves are cold in either case.
    """

    workload: str
    content_id: str
    lowers: Sequence[Path]
    command: Sequence[str]
    env: Mapping[str, str] = field(default_factory=lambda: dict(DEFAULT_ENV))
    cwd: str = "/"
    readiness: str = "exit"
    last_mark: str | None = None
    read_delay_s: float = DEFAULT_READ_DELAY_S
    timeout_s: float = 600.0
    drop_caches: bool = True


def time_plain(recording: Recording) -> float:
    """Run the command once without the recorder, its files in memory; seconds until ready. Raises as `record` does.

    read_delay_s and drop_caches do not apply: what a recording adds to a start on local files is seen beside it.
    """
    _check_machine()
    _check_input(recording)
    with tempfile.TemporaryDirectory(prefix="lazypull-plain-") as scratch:
        outcome = _supervise(replace(recording, drop_caches=False), scratch, plain=True)
    if outcome.failure:
        raise RunFailed(f"timing {recording.workload}: {outcome.failure}")
    return (outcome.ready_ns - outcome.start_ns) / 1e9


def record(recording: Recording) -> "Trace":
    """Run the command once and give its trace.

    Raises `NotPossibleHere` without root or FUSE, `BadInput` for a missing folder or unknown readiness rule,
    `RunFailed` when the command ends or the time runs out before it is ready. Leaves no mount, process or
    namespace behind, whatever happens.
    """
    _check_machine()
    _check_input(recording)
    with tempfile.TemporaryDirectory(prefix="lazypull-record-") as scratch:
        outcome = _supervise(recording, scratch, plain=False)
    if outcome.failure:
        raise RunFailed(f"recording {recording.workload}: {outcome.failure}")
    return _trace(recording, outcome)


def _check_machine() -> None:
    if os.geteuid() != 0:
        raise NotPossibleHere("recording mounts file systems: run it as root")
    try:
        os.close(os.open(FUSE_DEVICE, os.O_RDWR))
    except OSError as error:
        raise NotPossibleHere(
            f"{FUSE_DEVICE}: {error.strerror}; load the kernel module `fuse` or give this container the device"
        ) from None


def _check_input(recording: Recording) -> None:
    parse_rule(recording.readiness)
    if not recording.lowers:
        raise BadInput("recording needs at least one layer; name its folder with --lower")
    for folder in recording.lowers:
        if not folder.is_dir():
            raise BadInput(f"{folder}: no such folder; --lower takes an unpacked layer")
    if not recording.command:
        raise BadInput("recording needs a command; write it after --")
    if recording.read_delay_s < 0 or recording.timeout_s <= 0:
        raise BadInput("the read delay must be 0 or more and the time-out positive")


def _supervise(recording: Recording, scratch: str, *, plain: bool) -> Outcome:
    task = Task(
        lowers=[str(folder.resolve()) for folder in recording.lowers],
        scratch=scratch,
        command=list(recording.command),
        env={**RUNTIME_ENV, **recording.env},
        cwd=recording.cwd,
        readiness=recording.readiness,
        last_mark=recording.last_mark,
        read_delay_s=recording.read_delay_s,
        timeout_s=recording.timeout_s,
        drop_caches=recording.drop_caches,
        plain=plain,
    )
    supervisor = subprocess.Popen(
        [sys.executable, "-m", "sim.record.supervise"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,  # an interrupt at the terminal is for the recorder; it tells the supervisor
    )
    assert supervisor.stdin is not None
    assert supervisor.stdout is not None
    assert supervisor.stderr is not None
    try:
        supervisor.stdin.write(msgspec.json.encode(task) + b"\n")
        supervisor.stdin.flush()
        answer = supervisor.stdout.read()
        complaint = supervisor.stderr.read()
    finally:
        supervisor.stdin.close()  # ends the supervisor if it still runs
        supervisor.wait()
        supervisor.stdout.close()
        supervisor.stderr.close()
    try:
        return msgspec.msgpack.decode(answer, type=Outcome)
    except msgspec.DecodeError:
        last = complaint.decode("utf-8", "replace").strip().splitlines()[-1:]
        raise RunFailed(f"recording {recording.workload}: the supervisor ended early: {' '.join(last)}") from None


def _trace(recording: Recording, outcome: Outcome) -> "Trace":
    from sim.core.trace import Trace, TraceHeader
    from sim.record.tables import trace_tables

    header = TraceHeader(
        workload=recording.workload,
        content_id=recording.content_id,
        command=tuple(recording.command),
        readiness=recording.readiness,
        read_delay_s=recording.read_delay_s,
        page_cache="cold" if recording.drop_caches else "warm",
        events_lost=outcome.lost,
        host=_host(),
        recorder={
            "name": RECORDER_NAME,
            "version": RECORDER_VERSION,
            "layers": len(recording.lowers),
            "last_mark": recording.last_mark,
        },
        recorded_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    return Trace(header, **trace_tables(outcome))


def _host() -> dict[str, Any]:
    return {"kernel": platform.release(), "machine": platform.machine(), "cores": os.cpu_count()}

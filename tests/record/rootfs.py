"""A small image made of this machine's own programs: two layers, a whiteout, an opaque folder, some data."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from sim.core.trace import Trace
from sim.record import Recording, record

PROGRAMS = ("sh", "cat", "xargs", "ls", "sleep", "mv", "rm", "mkdir", "setpriv")
PYTHON_ENV = {"PATH": "/bin", "LD_LIBRARY_PATH": "/lib", "PYTHONHOME": "/"}
FILES = 40
FILE_SIZE = 20_000  # bytes; the kernel reads it in one request


def build(folder: Path) -> list[Path]:
    """Make the layers below `folder`; gives them lowest first."""
    lower, upper = folder / "l0", folder / "l1"
    for part in (lower / "data", lower / "opaque", upper / "data", upper / "opaque"):
        part.mkdir(parents=True)
    for program in PROGRAMS:
        _copy_program(Path(shutil.which(program) or f"/bin/{program}"), lower)
    _copy_libraries(Path(os.path.realpath(sys.executable)), lower)
    (lower / "data/gone").write_text("removed by the upper layer\n")
    (lower / "opaque/hidden").write_text("hidden by the upper layer\n")
    (lower / "data/below").write_text("from the lower layer\n")
    for number in range(FILES):
        (upper / f"data/f{number:02}").write_bytes(os.urandom(FILE_SIZE))
    os.mknod(upper / "data/gone", 0o020000, os.makedev(0, 0))
    os.setxattr(upper / "opaque", "trusted.overlay.opaque", b"y")
    return [lower, upper]


def recording(lowers: list[Path], command: list[str], **options: object) -> Recording:
    """What to record: full speed and a warm cache below the mounts unless `options` say otherwise."""
    plain = Recording(
        workload="test",
        content_id="sha256:test",
        lowers=lowers,
        command=command,
        read_delay_s=0.0,
        timeout_s=60.0,
        drop_caches=False,
    )
    return replace(plain, **options)  # type: ignore[arg-type]


def shell(lowers: list[Path], script: str, **options: object) -> Trace:
    """Record a shell script."""
    return record(recording(lowers, ["/bin/sh", "-c", script], **options))


def with_python(lowers: list[Path]) -> list[Path]:
    """The layers on top of this machine's Python; run it with `PYTHON_ENV`."""
    return [Path(sys.base_prefix), *lowers]


def python_command(script: str) -> list[str]:
    """Run `script` with the image's Python."""
    return [f"python3.{sys.version_info.minor}", "-S", "-u", "-c", script]


def paths(trace: Trace, *, kind: str, copy_up: bool | None = None, layer: int | None = None) -> list[str]:
    """Paths of the operations of a kind, in order."""
    return [
        row["path"]
        for row in trace.operations.to_pylist()
        if row["kind"] == kind
        and (copy_up is None or row["copy_up"] == copy_up)
        and (layer is None or row["layer"] == layer)
    ]


def _copy_program(program: Path, root: Path) -> None:
    target = root / "bin" / program.name
    target.parent.mkdir(exist_ok=True)
    shutil.copy(program, target)
    _copy_libraries(program, root)


def _copy_libraries(program: Path, root: Path) -> None:
    listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    for library in re.findall(r"(/\S+)", listed):
        target = root / library.lstrip("/")
        if not library.startswith(sys.base_prefix + "/") and not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(library, target)

"""The measuring program: how it is called and what it prints."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import msgspec

from sim.core.errors import NotPossibleHere
from sim.testbed import containerd
from sim.testbed.binaries import Binaries
from sim.testbed.commands import run
from sim.testbed.fit import Sample

AT_MOST_S = 600.0  # for one measure


def run_measure(arguments: Sequence[str], programs: Binaries, folder: Path, repetitions: int) -> list[Sample]:
    """Run one measure (tools/testbed/calib) with `folder` to work in; its samples."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [str(programs.path("lazypull-calib")), "-work", str(folder), "-reps", str(repetitions), *arguments]
    environment = {**os.environ, **containerd.OWN_GUNZIP, "CALIB_CORPUS": str(go_root())}
    return parse_samples(run(*command, environment=environment, favoured=True, at_most_s=AT_MOST_S).encode())


def parse_samples(output: bytes) -> list[Sample]:
    """The samples a measuring program printed, one JSON object a line."""
    return msgspec.json.decode(b"[" + b",".join(output.splitlines()) + b"]", type=list[Sample])


def go_root() -> Path:
    """The Go distribution, whose files are the calibration inputs. Raises `NotPossibleHere` without one."""
    go = shutil.which("go") or "/usr/local/go/bin/go"
    if not Path(go).exists():
        raise NotPossibleHere("go is missing; its files are the calibration inputs: install Go 1.26 or newer")
    return Path(run(go, "env", "GOROOT").strip())

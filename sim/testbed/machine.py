"""Which machine this is: what a host file says about where it was measured, without names or paths."""

import os
import platform
import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sim.testbed import kernel
from sim.testbed.binaries import CONTAINERD, STARGZ
from sim.testbed.process import far_side_core


def describe() -> dict[str, Any]:
    """CPU, cores, memory, kernel, date and versions."""
    return {
        "cpu": _cpu_model(Path("/proc/cpuinfo").read_text()),
        "cores": os.cpu_count() or 1,
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "kernel": platform.release().split("-")[0],
        "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%MZ"),
        "containerd": CONTAINERD,
        "stargz_snapshotter": STARGZ,
        "held_kernel_settings": kernel.describe(),
        "link_and_registry_on": f"core {far_side_core()}",
        "runc": _version([shutil.which("runc") or "runc", "--version"]),
        "go": _version([shutil.which("go") or "/usr/local/go/bin/go", "env", "GOVERSION"]),
    }


def _cpu_model(cpuinfo: str) -> str:
    found = re.search(r"^model name\s*:\s*(.+)$", cpuinfo, re.MULTILINE)
    return found.group(1) if found else platform.machine()


def _version(command: list[str]) -> str:
    """The last word of the first line a program prints; "unknown" if it cannot say."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.split("\n", maxsplit=1)[0].split(" ")[-1]

"""Versions that a run's key and manifest name."""

import platform
import subprocess
from importlib import metadata
from pathlib import Path

MODEL_VERSION = "13"  # raise it with every change after which the same input gives other numbers
_NAMED = ("lazypull", "numpy", "pyarrow", "simpy")


def model_version() -> str:
    """Model and package version, part of every key."""
    return f"{MODEL_VERSION}+{metadata.version('lazypull')}"


def versions() -> dict[str, str]:
    """Versions of what computes and stores the numbers."""
    return {"python": platform.python_version(), **{name: metadata.version(name) for name in _NAMED}}


def commit() -> str | None:
    """Commit of the checkout this code runs from, with "-dirty" when files differ; None outside a checkout."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        done = subprocess.run(
            command, cwd=Path(__file__).parent, capture_output=True, text=True, check=False, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None if done.returncode == 0 else None

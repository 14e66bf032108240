"""Run a system command and turn its failure into one line."""

import subprocess
from collections.abc import Sequence

from sim.core.errors import RunFailed


def run(*command: str, accept: Sequence[int] = (0,), at_most_s: float = 60.0) -> str:
    """The standard output of a command. Raises `RunFailed` with its last line of complaint."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=at_most_s)
    except subprocess.TimeoutExpired:
        raise RunFailed(f"`{' '.join(command)}` did not end within {at_most_s:.0f} s") from None
    if done.returncode not in accept:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise RunFailed(f"`{' '.join(command)}` failed: {lines[-1] if lines else f'status {done.returncode}'}")
    return done.stdout

"""What one command costs from its start to its end: wall and processor time, peak memory.

Run as a program it is the small process that starts the command: the kernel counts the memory of the process that
calls `exec` into the peak of the program it becomes (fs/exec.c), so a test runner would find itself there.
"""

import json
import resource
import subprocess
import sys
import time
from dataclasses import dataclass

MAXRSS_BYTES = 1024  # unit of ru_maxrss (man 2 getrusage)


@dataclass(frozen=True, slots=True)
class Cost:
    """wall_s, cpu_s: seconds; cpu_s of user and system. peak_bytes: largest resident set."""

    wall_s: float
    cpu_s: float
    peak_bytes: int


def cost_of(*command):
    """Run a command and wait for it; the test fails where it does, with what it wrote last."""
    measured = [sys.executable, "-I", "-S", __file__, *map(str, command)]
    done = subprocess.run(measured, capture_output=True, text=True, check=False)
    if done.returncode:
        raise AssertionError(f"{command}: {done.stderr[-1000:]}")
    return Cost(**json.loads(done.stdout))


def _run(command):
    start = time.perf_counter()
    status = subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode
    wall_s, used = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s, peak_bytes = used.ru_utime + used.ru_stime, used.ru_maxrss * MAXRSS_BYTES
    print(json.dumps({"wall_s": wall_s, "cpu_s": cpu_s, "peak_bytes": peak_bytes}))
    return status


if __name__ == "__main__":
    sys.exit(_run(sys.argv[1:]))

"""Memory of a virtual machine while it is measured: kept, so that fresh pages cost what they cost on hardware.

A guest that reports free pages gives them back to its host; the next use of each then costs an exit to it. Here a file
of 300 MB took 0.07 s to write into memory the guest had kept and 0.5 to 0.7 s a few seconds after caches were dropped,
which every cold run does. So reporting is held off while a testbed is up, and put back when the last one goes down.
"""

import contextlib
import mmap
from pathlib import Path

# Smallest block of free pages that is reported, as a power of two of pages. Source: mm/page_reporting.c.
ORDER = Path("/sys/module/page_reporting/parameters/page_reporting_order")
NEVER = 11  # above the largest block of the page allocator on x86 (MAX_PAGE_ORDER, 10), so nothing is reported
KEPT_BYTES = 6 << 30  # more than a cold run of a catalogue image touches: blobs, unpacked files, caches
STEP_BYTES = 64 << 20


def keep(state: Path) -> None:
    """Hold reporting off; the earlier setting is written to `state`, unless an earlier caller did. Root needed.

    Nothing to do where the kernel does not report pages or does not let us choose.
    """
    with contextlib.suppress(OSError):
        before = ORDER.read_text().strip()
        if int(before) < NEVER:
            state.write_text(before)
            ORDER.write_text(f"{NEVER}\n")


def let_go(state: Path) -> None:
    """Put back what `keep` found; nothing if it changed nothing."""
    with contextlib.suppress(OSError):
        ORDER.write_text(state.read_text())
        state.unlink()


def held_off() -> bool:
    """Whether free pages stay with this machine at the moment, or were never given away."""
    try:
        return int(ORDER.read_text()) >= NEVER
    except OSError:
        return True


def touch(total_bytes: int = KEPT_BYTES) -> None:
    """Use so much memory once, at most half of what is free, so that this machine has it when it is needed."""
    left = min(total_bytes, _available_bytes() // 2)
    pieces = []
    while left > 0:
        piece = mmap.mmap(-1, STEP_BYTES, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE)
        pieces.append(piece)
        left -= STEP_BYTES
    for piece in pieces:
        piece.close()


def _available_bytes() -> int:
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) << 10
    return 0

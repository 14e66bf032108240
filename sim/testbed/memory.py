"""Memory of a virtual machine before it is measured: used once, so that fresh pages cost what they cost on hardware."""

import mmap
from pathlib import Path

KEPT_BYTES = 6 << 30  # more than a cold run of a catalogue image touches: blobs, unpacked files, caches
STEP_BYTES = 64 << 20


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

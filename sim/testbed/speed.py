"""How fast the machine is at this moment: shared machines wander by a tenth within minutes, and a run should say so."""

import hashlib
import mmap
import random
import time
import zlib

DATA_BYTES = 16 << 20  # inflated and hashed: some 50 ms each
TOUCHED_BYTES = 64 << 20  # fresh memory, a page fault each page


class Probe:
    """Work that is the same each time. Its data are made once, half of them random so that they do not shrink away."""

    def __init__(self) -> None:
        half = random.Random(0).randbytes(DATA_BYTES // 2)
        self._packed = zlib.compress(half + bytes(DATA_BYTES - len(half)), 6)

    def seconds(self) -> dict[str, float]:
        """Seconds of one core to inflate, to hash (sha256) and to touch fresh memory; some 0.1 s in all."""
        begin_s = time.perf_counter()
        data = zlib.decompress(self._packed)
        inflated_s = time.perf_counter()
        hashlib.sha256(data)
        hashed_s = time.perf_counter()
        with mmap.mmap(-1, TOUCHED_BYTES) as memory:
            for page in range(0, TOUCHED_BYTES, mmap.PAGESIZE):
                memory[page] = 1
        touched_s = time.perf_counter()
        return {
            "probe_inflate_s": inflated_s - begin_s,
            "probe_hash_s": hashed_s - inflated_s,
            "probe_memory_s": touched_s - hashed_s,
        }

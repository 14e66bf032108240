"""How long `open_blob` takes, in a process of its own as the reference has it: the second time, the first warms up."""

import gc
import json
import sys
import time

from sim.core.source import FileSource
from sim.formats.estargz import EstargzBlob, open_blob


def first_chunk(opened: EstargzBlob, path: str) -> int:
    """Where the first chunk of a file with bytes lies in the blob, else 0."""
    row = opened.files.listed(path)
    first, last = opened.chunks.of_file(row) if row is not None else (0, 0)
    return int(opened.chunks.offset[first]) if first < last else 0


def timed(blob: str, path: str) -> tuple[float, float]:
    """Seconds to open, and until a chunk of `path` is found."""
    gc.collect()
    with FileSource(blob) as source:
        start = time.perf_counter()
        opened = open_blob(source)
        open_s = time.perf_counter() - start
        assert first_chunk(opened, path) > 0
        return open_s, time.perf_counter() - start


if __name__ == "__main__":
    timed(*sys.argv[1:])
    print(json.dumps(timed(*sys.argv[1:])))

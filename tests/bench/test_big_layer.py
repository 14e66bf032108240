"""A layer of ten million empty files, and one of as many as are converted: time and peak memory of each verb, printed.

Nothing is held to a bar here: what is refused and where is tested in tests/formats/test_write_hostile.py.
"""

import hashlib
import os
import subprocess
import sys
import tarfile
import time

import numpy as np
import pytest
from isal import igzip

from sim.formats.estargz.write_index import MAX_ENTRIES
from tests.image.images import Layer, put_image

pytestmark = pytest.mark.bench

BLOCK, STEP = 512, 1 << 16
NAME_DIGITS = 8
SCRIPT = (
    "import sys; from pathlib import Path; from sim.cli.main import main; status = main()\n"
    "peak = Path('/proc/self/status').read_text().partition('VmHWM:')[2].split()[0]\n"
    "print(peak, file=sys.stderr); sys.exit(status)"
)


@pytest.mark.parametrize("files", [MAX_ENTRIES, 10_000_000])
def test_a_layer_of_very_many_files(files, tmp_path):
    source, target = f"oci:{tmp_path}/big", f"oci:{tmp_path}/lazy"
    put_image(source, [big_layer(files, tmp_path / "layer")], tmp=tmp_path)
    for verb in (["show", source], ["show", "--files", source], ["verify", source], ["convert", source, target]):
        print(f"\n{files} files, image {' '.join(verb[:-1] or verb)}: {measured(verb, tmp_path)}")
    if (tmp_path / "lazy").exists():
        for verb in (["show", target], ["verify", target]):
            print(f"\n{files} files, converted, image {verb[0]}: {measured(verb, tmp_path)}")


def measured(verb, scratch):
    """Status, time, peak memory and the last line of a verb."""
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, "image", *verb],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "TMPDIR": str(scratch)},
    )
    *said, peak = done.stderr.splitlines()
    last = (said or done.stdout.splitlines() or [""])[-1]
    return (
        f"status {done.returncode}, {time.perf_counter() - start:.0f} s, {int(peak) * 1024 / 1e6:.0f} MB: {last[:200]}"
    )


def big_layer(files, file):
    """An ordinary layer of empty files, written as a stream."""
    diff = hashlib.sha256()
    with igzip.open(file, "wb", compresslevel=1) as out:
        for piece in tar_of(files):
            diff.update(piece)
            out.write(piece)
    return Layer(file.read_bytes(), f"sha256:{diff.hexdigest()}")


def tar_of(files):
    """A tar of empty files called d/00000000 and so on: one header made by tarfile, number and checksum put in."""
    entry = tarfile.TarInfo("d/" + "0" * NAME_DIGITS)
    header = np.frombuffer(entry.tobuf(tarfile.USTAR_FORMAT), np.uint8)
    checksum = int(header[148:154].tobytes(), 8)
    for start in range(0, files, STEP):
        number = np.arange(start, min(files, start + STEP))
        blocks = np.tile(header, (len(number), 1))
        digits = digits_of(number, 10, NAME_DIGITS)
        blocks[:, 2 : 2 + NAME_DIGITS] += digits
        blocks[:, 148:154] = ord("0") + digits_of(checksum + digits.sum(1), 8, 6)
        yield blocks.tobytes()
    yield bytes(2 * BLOCK)


def digits_of(numbers, base, count):
    """Digits of numbers, a row each."""
    return (numbers[:, None] // base ** np.arange(count - 1, -1, -1) % base).astype(np.uint8)

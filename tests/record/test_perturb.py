"""Recorded at 5 ms a read, real runs at 20 and 50 ms are predicted: 5 % for a serial reader, 10 % in parallel."""

import pytest

from sim.record.perturb import perturb
from tests.record.rootfs import recording

pytestmark = [pytest.mark.root, pytest.mark.alone]

NAMES = [f"/data/f{number:02}" for number in range(24)]
PARALLEL = f"echo {' '.join(NAMES)} | xargs -n 3 -P 4 cat > /dev/null"
ATTEMPTS = 3


@pytest.mark.parametrize(
    ("command", "tolerance"), [(["cat", *NAMES], 0.05), (["sh", "-c", PARALLEL], 0.10)], ids=["serial", "parallel"]
)
def test_other_delays_are_predicted(lowers, command, tolerance):
    for _ in range(ATTEMPTS):
        rows = perturb(recording(lowers, command, read_delay_s=0.005), [0.020, 0.050], runs=3, recordings=3)
        if all(row.spread <= tolerance for row in rows):
            break  # else the real runs differ more among themselves than the prediction may: nothing to compare with
    assert {row.read_delay_s: row.error for row in rows} == {
        0.020: pytest.approx(0, abs=tolerance),
        0.050: pytest.approx(0, abs=tolerance),
    }, rows

"""The perturbation test on recorded workloads of the catalogue: numpy is serial (5 %), PostgreSQL parallel (10 %)."""

import pytest

from sim.catalog import workload
from sim.catalog.build import lowers
from sim.core.errors import LazypullError
from sim.record.perturb import perturb
from sim.record.recording import Recording

pytestmark = [pytest.mark.root, pytest.mark.alone]


@pytest.mark.parametrize(("name", "tolerance"), [("numpy", 0.05), ("postgres", 0.10)])
def test_other_delays_are_predicted(name, tolerance):
    try:
        layers = lowers(name)
    except LazypullError as error:
        pytest.skip(f"THE REPLAY OF {name} IS NOT TESTED HERE: {error}")
    found = workload(name)
    what = Recording(
        workload=name,
        content_id=found.content_id,
        lowers=tuple(layers),
        command=found.command,
        env=found.env,
        cwd=found.cwd,
        readiness=found.readiness,
        read_delay_s=0.005,
    )
    rows = perturb(what, [0.020, 0.050], runs=3, recordings=3)
    print("\n".join(str(row) for row in rows))
    assert {row.read_delay_s: row.error for row in rows} == {
        0.020: pytest.approx(0, abs=tolerance),
        0.050: pytest.approx(0, abs=tolerance),
    }, rows

"""The public names of `sim`, found when they are first used."""

import subprocess
import sys

import pytest

import sim


def test_importing_sim_imports_nothing_heavy():
    script = "import sys, sim; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert {"numpy", "pyarrow", "pandas", "simpy", "pydantic"}.isdisjoint(done.stdout.split())


@pytest.mark.parametrize("name", sim.__all__)
def test_every_public_name_is_there_and_documented(name):
    assert callable(getattr(sim, name))
    assert getattr(sim, name).__doc__
    assert name in dir(sim)


def test_another_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'sim' has no attribute 'nothing'"):
        _ = sim.nothing

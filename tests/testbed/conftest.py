"""A small catalog, experiment files that use it, and a real stack that is not there."""

import pytest

from sim.experiment.load import load_experiment
from sim.experiment.plan import make_plan
from sim.testbed import measure as measuring
from tests.experiment.conftest import catalog, config
from tests.testbed.fakes import FakeStack
from tests.testbed.real import skip_unless_possible, state_folder

__all__ = ["catalog", "config", "fake", "plan", "real_stack"]


@pytest.fixture
def fake(monkeypatch):
    """Put a fake stack in place of the real one; returns its diary. Call it with the answer."""

    def put(answer=lambda _task: 1.0):
        diary = []
        monkeypatch.setattr(measuring, "Stack", lambda _name: FakeStack(diary, answer))
        monkeypatch.setattr(measuring.machine, "describe", lambda: {"kernel": "made up"})
        return diary

    return put


@pytest.fixture
def plan(config):
    return lambda *sets, **changes: make_plan(load_experiment(config(**changes), sets))


@pytest.fixture
def real_stack(monkeypatch):
    """The real stack may be brought up: its state goes into a folder of the test's."""
    skip_unless_possible()
    with state_folder() as folder:
        monkeypatch.setenv("LAZYPULL_STATE", folder)
        yield

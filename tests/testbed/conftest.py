"""A small catalog, experiment files that use it, and a real stack that is not there."""

import pytest
import yaml

from sim.experiment.load import load_experiment
from sim.experiment.plan import make_plan
from sim.testbed import measure as measuring
from tests.experiment.small import make_catalog
from tests.testbed.fakes import FakeStack
from tests.testbed.real import skip_unless_possible, state_folder

BASE = {"name": "exp", "workload": "tiny", "strategy": "lazy", "what_ifs": False}


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
def catalog(tmp_path, monkeypatch):
    folder = make_catalog(tmp_path / "catalog", ("tiny", "toy"))
    monkeypatch.setenv("LAZYPULL_TRACES", str(folder))
    return folder


@pytest.fixture
def config(tmp_path, catalog):
    def write(**changes):
        path = tmp_path / "config.yaml"
        path.write_text(yaml.safe_dump(BASE | changes, sort_keys=False))
        return path

    return write


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

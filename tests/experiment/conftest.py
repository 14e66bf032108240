"""A small catalog on disk and an experiment file that uses it."""

import pytest
import yaml

from tests.experiment.small import make_catalog

BASE = {"name": "exp", "claim": "tests pass", "workload": "tiny", "strategy": "lazy", "what_ifs": False}


@pytest.fixture
def catalog(tmp_path, monkeypatch):
    """The folder of a catalog with the workloads `tiny` and `toy`."""
    folder = make_catalog(tmp_path / "catalog", ("tiny", "toy"))
    monkeypatch.setenv("LAZYPULL_TRACES", str(folder))
    return folder


@pytest.fixture
def config(tmp_path, catalog):
    """Write an experiment file; keywords change it."""

    def write(**changes):
        path = tmp_path / "config.yaml"
        path.write_text(yaml.safe_dump(BASE | changes, sort_keys=False))
        return path

    return write

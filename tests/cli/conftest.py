"""The small catalog and experiment file of the experiment tests."""

from tests.experiment.conftest import catalog, config

__all__ = ["catalog", "config"]

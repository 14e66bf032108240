import pytest

from sim.core.store import load_results
from sim.report.cells import finished
from tests.report.fake_results import write_image_size, write_startup


@pytest.fixture(scope="session")
def startup(tmp_path_factory):
    """2 workloads × 5 presets × 3 rates × 3 round trips, simulated."""
    return write_startup(tmp_path_factory.mktemp("results") / "startup")


@pytest.fixture(scope="session")
def image_size(tmp_path_factory):
    return write_image_size(tmp_path_factory.mktemp("results") / "image-size")


@pytest.fixture(scope="session")
def runs(startup):
    return finished(load_results(startup))


@pytest.fixture(scope="session")
def size_runs(image_size):
    return finished(load_results(image_size))

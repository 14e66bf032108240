"""An open registry for tests that need no login, loud where there is none; a registry that misbehaves."""

import itertools

import pytest

from sim.oci import open_image
from tests.oci.fake_image import ACCESS, IMAGE
from tests.oci.fake_registry import fake_registry
from tests.oci.real_registry import running_registry

NOT_SPOKEN_TO = "NO REGISTRY HERE"


@pytest.fixture(scope="session")
def open_registry(tmp_path_factory):
    """Host and port of a registry on loopback that lets everybody in."""
    with running_registry(tmp_path_factory.mktemp("registry") / "open") as host:
        yield host


@pytest.fixture(scope="session")
def repository_names():
    """Names that no test has used."""
    return (f"tests/sample-{number}" for number in itertools.count())


@pytest.fixture
def fake():
    """A registry on loopback that does what a test tells it to."""
    with fake_registry() as registry:
        yield registry


@pytest.fixture
def opened(fake):
    """The image in it, opened."""
    fake.publish(IMAGE)
    with open_image(f"{fake.host}/a", access=ACCESS) as image:
        yield image


@pytest.fixture
def blob(opened):
    """Its first layer as a source of bytes."""
    with opened.blob(opened.layers[0]) as source:
        yield source


def pytest_terminal_summary(terminalreporter):
    skipped = [str(report.longrepr) for report in terminalreporter.stats.get("skipped", [])]
    if any(NOT_SPOKEN_TO in text for text in skipped):
        terminalreporter.section("the registry client was NOT tested against a real registry", red=True, bold=True)

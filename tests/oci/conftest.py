"""One open registry for all tests that need no login; a loud word at the end where there is none."""

import itertools

import pytest

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


def pytest_terminal_summary(terminalreporter):
    skipped = [str(report.longrepr) for report in terminalreporter.stats.get("skipped", [])]
    if any(NOT_SPOKEN_TO in text for text in skipped):
        terminalreporter.section("the registry client was NOT tested against a real registry", red=True, bold=True)

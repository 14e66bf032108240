import os
from pathlib import Path

import pytest

from tests.record import rootfs


def why_not() -> str:
    if os.geteuid() != 0:
        return "not root"
    try:
        os.close(os.open("/dev/fuse", os.O_RDWR))
    except OSError as error:
        return f"/dev/fuse: {error.strerror}"
    return ""


def pytest_collection_modifyitems(items):
    reason = why_not()
    if not reason:
        return
    for item in items:
        if item.get_closest_marker("root") and Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.skip(reason=f"THE RECORDER IS NOT TESTED HERE: {reason}"))


def pytest_terminal_summary(terminalreporter):
    reason = why_not()
    if reason:
        terminalreporter.section("the recorder was NOT tested", red=True, bold=True)
        terminalreporter.line(f"{reason}: recording, perturbation and clean-up tests did not run; run them as root")


@pytest.fixture(scope="session")
def lowers(tmp_path_factory):
    return rootfs.build(tmp_path_factory.mktemp("image"))

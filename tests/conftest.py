"""What holds for all tests: those that need root and FUSE say loudly when they do not run."""

import os

import pytest


def why_not() -> str:
    """Why this machine cannot record or mount; empty when it can."""
    if os.geteuid() != 0:
        return "not root"
    try:
        os.close(os.open("/dev/fuse", os.O_RDWR))
    except OSError as error:
        return f"/dev/fuse: {error.strerror}"
    return ""


def pytest_collection_modifyitems(items):
    reason = why_not()
    for item in items if reason else []:
        if item.get_closest_marker("root"):
            item.add_marker(pytest.mark.skip(reason=f"NOT RUN HERE, needs root and FUSE: {reason}"))


def pytest_terminal_summary(terminalreporter):
    reason = why_not()
    if reason:
        terminalreporter.section("recorder, overlay and testbed were NOT tested", red=True, bold=True)
        terminalreporter.line(f"{reason}: recording, perturbation, kernel and clean-up tests did not run; run as root")

"""An end in time for tests of hostile input: `pytestmark = pytest.mark.usefixtures("watchdog")`."""

import signal

import pytest

HANG_S = 60


@pytest.fixture
def watchdog():
    def hung(*_):
        raise TimeoutError(f"a reader worked for {HANG_S} s")

    before = signal.signal(signal.SIGALRM, hung)
    signal.alarm(HANG_S)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)

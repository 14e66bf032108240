"""Benches run only when asked for by `-m bench` (`make bench`): timings have no place among tests."""

import pytest


def pytest_collection_modifyitems(config, items):
    if "bench" in config.option.markexpr:
        return
    for item in items:
        if item.get_closest_marker("bench"):
            item.add_marker(pytest.mark.skip(reason="a bench: run it with -m bench"))

"""A small measured image, once for all tests of the room."""

import pytest

from tests.tune.small import make_subject


@pytest.fixture(scope="session")
def subject(tmp_path_factory):
    """An image with one recording to tune on and one that reads other files to judge on."""
    return make_subject(tmp_path_factory.mktemp("subject"))

import pytest

from tests.record import rootfs


@pytest.fixture(scope="session")
def lowers(tmp_path_factory):
    return rootfs.build(tmp_path_factory.mktemp("image"))

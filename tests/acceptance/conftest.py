"""The testbed that judges, and each catalogue image in each option set; the long ones only when asked for."""

import pytest

from sim.catalog import names as workload_names
from sim.catalog import workload
from sim.core.errors import LazypullError
from sim.core.layout import read_layout
from sim.testbed import binaries, images, up
from sim.testbed.link import Shape
from sim.testbed.names import names
from sim.testbed.snapshotter import Settings
from tests.acceptance import remote, table
from tests.acceptance.options import PAIRWISE, SLICE
from tests.acceptance.subject import convert
from tests.formats.write_tools import build_tool
from tests.testbed.real import skip_unless_possible

TESTBED = "acc"
QUICK = {("web", options) for options in SLICE}


def pytest_collection_modifyitems(config, items):
    if "acceptance" in config.option.markexpr:
        return
    for item in items:
        if item.get_closest_marker("acceptance"):
            item.add_marker(pytest.mark.skip(reason="takes minutes: `make acceptance`"))


def _cases():
    for name in workload_names():
        for options in PAIRWISE:
            mark = pytest.mark.alone if (name, options) in QUICK else pytest.mark.acceptance
            yield pytest.param((name, options), id=f"{name}-{options.name}", marks=[pytest.mark.root, mark])


@pytest.fixture(scope="session")
def tool(tmp_path_factory):
    """The reference library as a program."""
    return build_tool(tmp_path_factory.mktemp("tool"))


@pytest.fixture(scope="session")
def stand():
    """A testbed of our own; its node is made anew by every test that uses it."""
    skip_unless_possible()
    remote.skip_without()
    up.down(TESTBED)  # of a run that was killed; nobody else uses the name
    try:
        addresses = up.up(TESTBED, shape=Shape(), settings=Settings())
        yield remote.Stand(names(TESTBED), addresses, binaries.built())
    finally:
        up.down(TESTBED)


@pytest.fixture(scope="session")
def recorded():
    """Where a workload's ordinary image is; skips loudly where that is not built or not the recorded one."""

    def folder(name):
        try:
            found = images.oci_folder(name, "gzip")
            images.check_layers(found, read_layout(workload(name).layouts["gzip"]))
        except LazypullError as error:
            pytest.skip(f"THE REFERENCE HAS NOT SEEN {name} HERE: {error}")
        return found

    return folder


@pytest.fixture(scope="module", params=_cases())
def subject(request, stand, recorded):
    """An image in an option set, converted; what the tests see of it goes into the table."""
    name, options = request.param
    made = convert(stand, recorded(name), name, options)
    yield made
    table.keep(made.row)

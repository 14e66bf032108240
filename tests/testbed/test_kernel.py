"""Settings of the kernel are held while testbeds are up, and the machine's own come back."""

import pytest

from sim.testbed import kernel
from sim.testbed.kernel import Setting


@pytest.fixture
def setting(tmp_path):
    file = tmp_path / "page_reporting_order"
    file.write_text("9\n")
    return Setting(file, 11)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "states").mkdir()
    return tmp_path / "states"


def test_a_setting_is_held_and_put_back(setting, folder):
    assert kernel.describe([setting]) == "page_reporting_order 11"
    kernel.hold(folder, [setting])
    assert setting.file.read_text() == "11\n"
    kernel.put_back(folder, [setting])
    assert setting.file.read_text().strip() == "9"
    assert list(folder.iterdir()) == []


def test_a_second_testbed_does_not_take_our_setting_for_the_machines_own(setting, folder):
    kernel.hold(folder, [setting])
    kernel.hold(folder, [setting])
    kernel.put_back(folder, [setting])
    assert setting.file.read_text().strip() == "9"


def test_a_kernel_without_the_setting_needs_nothing(folder, tmp_path):
    missing = Setting(tmp_path / "missing", 1)
    kernel.hold(folder, [missing])
    kernel.put_back(folder, [missing])
    assert kernel.describe([missing]) == "none"
    assert list(folder.iterdir()) == []
    assert not missing.file.exists()


def test_page_reporting_is_held_above_the_largest_block():
    assert kernel.PAGE_REPORTING.held > 10  # MAX_PAGE_ORDER on x86: mm/page_reporting.c then finds nothing to report

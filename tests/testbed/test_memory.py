"""Free pages are kept while testbeds are up, and the machine's own setting comes back."""

import pytest

from sim.testbed import memory


@pytest.fixture
def order(tmp_path, monkeypatch):
    file = tmp_path / "page_reporting_order"
    file.write_text("9\n")
    monkeypatch.setattr(memory, "ORDER", file)
    return file


def test_reporting_is_held_off_and_put_back(order, tmp_path):
    state = tmp_path / "state"
    assert not memory.held_off()
    memory.keep(state)
    assert memory.held_off()
    assert int(order.read_text()) > 10  # MAX_PAGE_ORDER on x86: mm/page_reporting.c then finds nothing to report
    memory.let_go(state)
    assert order.read_text().strip() == "9"
    assert not state.exists()


def test_a_second_testbed_does_not_take_our_setting_for_the_machines_own(order, tmp_path):
    state = tmp_path / "state"
    memory.keep(state)
    memory.keep(state)
    memory.let_go(state)
    assert order.read_text().strip() == "9"


def test_a_kernel_that_reports_no_pages_needs_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "ORDER", tmp_path / "missing")
    memory.keep(tmp_path / "state")
    memory.let_go(tmp_path / "state")
    assert memory.held_off()
    assert list(tmp_path.iterdir()) == []

"""Two testbeds never share a name, a device or an address."""

import ipaddress

import pytest

from sim.core.errors import BadInput
from sim.testbed.names import NETWORK, free_addresses, names


def test_devices_fit_into_the_kernels_fifteen_characters():
    here = names("a2345678")
    assert max(len(here.node_device), len(here.registry_device)) <= 15
    assert here.node_device != here.registry_device


@pytest.mark.parametrize("bad", ["", "nine-char", "ninechars", "A", "a/b", "..", "a b"])
def test_a_name_that_could_be_a_path_or_is_too_long_is_refused(bad):
    with pytest.raises(BadInput, match="one to eight"):
        names(bad)


def test_state_lies_where_the_user_says(monkeypatch, tmp_path):
    monkeypatch.setenv("LAZYPULL_STATE", str(tmp_path))
    assert names("x").folder == tmp_path / "x"


def test_a_taken_pair_is_passed_over():
    first = free_addresses("x", set())
    second = free_addresses("x", {first.registry})
    third = free_addresses("x", {first.registry, second.node})
    assert len({first, second, third}) == 3


def test_both_ends_are_the_two_hosts_of_one_slash_thirty():
    pair = free_addresses("x", set())
    last = [int(address.rpartition(".")[2]) for address in (pair.node, pair.registry)]
    assert last[0] % 4 == 1
    assert last[1] == last[0] + 1
    assert ipaddress.IPv4Address(pair.node) in NETWORK

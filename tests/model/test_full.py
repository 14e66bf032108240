"""Full pull on a hand-made image: downloads side by side, unpacking in order."""

from dataclasses import replace

from pytest import approx

from sim.core.network import Registry
from sim.core.program import ROOT
from sim.model.image import CONFIG_BYTES, MANIFEST_BYTES, MANIFEST_BYTES_PER_LAYER
from sim.strategy import simulate

from .conftest import MB, chain, free_host, make_layout, make_program, plain_network

NOTHING = make_program([], (ROOT, 0.0))


def documents(layers):
    return MANIFEST_BYTES + MANIFEST_BYTES_PER_LAYER * layers + CONFIG_BYTES


def test_download_then_unpack(make_case):
    layout = make_layout([[("a", 10 * MB, 20 * MB)]])
    host = free_host(unpack_s_per_byte=1e-8, unpack_s_per_file=0.1, snapshot_s=0.05)
    tables = simulate(make_case("full", layout, NOTHING, plain_network(MB), host=host))
    blob = 10 * MB + 1_051
    # one file, 20 MB raw: 0.2 + 0.1 + 0.05 s on one core after the last byte
    assert tables.summary["pull_s"] == approx((documents(1) + blob) / MB + 0.35)
    assert tables.summary["unpack_cpu_s"] == approx(0.35)


def test_a_layer_is_stored_before_it_is_unpacked_and_packed_bytes_count(make_case):
    layout = make_layout([[("a", 10 * MB, 20 * MB)]])
    host = free_host(commit_s=0.25, commit_s_per_byte=1e-7, unpack_s_per_packed_byte=2e-8)
    tables = simulate(make_case("full", layout, NOTHING, plain_network(MB), host=host))
    blob = 10 * MB + 1_051
    assert tables.summary["pull_s"] == approx((documents(1) + blob) / MB + 0.25 + blob * 1e-7 + blob * 2e-8)


def test_a_pull_has_work_of_its_own_and_some_with_each_document(make_case):
    host = free_host(pull_s=1.0, document_s=0.1)
    layout = make_layout([[("a", MB, 0)]])
    tables = simulate(make_case("full", layout, NOTHING, plain_network(MB), host=host))
    assert tables.summary["pull_s"] == approx((documents(1) + MB + 1_051) / MB + 1.0 + 3 * 0.1)


def test_layers_share_the_link_three_at_a_time_and_are_unpacked_in_order(make_case):
    layout = make_layout([[("a", 2 * MB, 0)], [("b", 2 * MB, 0)], [("c", 2 * MB, 0)], [("d", 2 * MB, 0)]])
    host = free_host(unpack_s_per_file=1.0)
    tables = simulate(make_case("full", layout, NOTHING, plain_network(MB), host=host))
    blob = 2 * MB + 1_051
    lead = documents(4) / MB
    spans = {(row["kind"], row["layer"]): row for row in tables.spans.to_pylist()}
    assert spans["download", 0]["end_s"] == approx(lead + 3 * blob / MB)  # three share 1 MB/s
    assert spans["download", 3]["start_s"] == approx(lead + 3 * blob / MB)
    assert spans["download", 3]["end_s"] == approx(lead + 4 * blob / MB)
    # unpacking starts with layer 0 at 6 s and takes 1 s a layer; layer 3 is there at 8 s, before its turn at 9 s
    assert tables.summary["pull_s"] == approx(lead + 3 * blob / MB + 4 * 1.0)


def test_layers_that_are_present_cost_nothing(make_case):
    layout = make_layout([[("a", 2 * MB, 0)], [("b", 2 * MB, 0)]])
    case = make_case("full", layout, NOTHING, plain_network(MB))
    client = replace(case.strategy.client, present_layers=1)
    tables = simulate(replace(case, strategy=replace(case.strategy, client=client)))
    assert tables.summary["fetched_bytes"] == documents(2) + 2 * MB + 1_051


def test_the_start_after_a_full_pull_needs_no_network(make_case):
    layout = make_layout([[("a", MB, MB)]])
    host = free_host(local_read_s=0.25, create_s=1.0, start_s=2.0, exit_s=4.0)
    program = chain([0], think_s=8.0)
    summary = simulate(make_case("full", layout, program, plain_network(MB), host=host, readiness="exit")).summary
    assert (summary["create_s"], summary["start_s"], summary["ready_s"]) == approx((1.0, 2.0, 8.25 + 4.0))
    assert summary["stall_s"] == 0.0


def test_a_hundred_nodes_behind_one_registry(make_case):
    layout = make_layout([[("a", MB, 0)]])
    network = replace(plain_network(10 * MB), registry=Registry(service_s=0.0, rate_bytes_s=100 * MB))
    summary = simulate(make_case("full", layout, NOTHING, network, nodes=100)).summary
    bodies = documents(1) + MB + 1_051
    assert summary["total_s"] == approx(100 * bodies / (100 * MB))  # the registry's link binds, all the way
    assert summary["fetched_bytes"] == 100 * bodies

"""Lazy pull on a hand-made image: every number can be worked out in the head."""

from dataclasses import replace

import pyarrow as pa
import pytest
from pytest import approx

from sim.core.network import Outage
from sim.core.program import ROOT
from sim.model.image import CONFIG_BYTES, MANIFEST_BYTES, MANIFEST_BYTES_PER_LAYER
from sim.strategy import simulate

from .conftest import MB, chain, free_host, make_layout, make_program, plain_network, rows

ONE_FILE = make_layout([[("a", MB, 4 * MB)]])
DOCUMENTS = MANIFEST_BYTES + MANIFEST_BYTES_PER_LAYER + CONFIG_BYTES
TAIL = 1_051  # TOC and footer lie in the last region, which begins at 1,000,000


def test_bytes_and_time_of_a_serial_read(make_case):
    tables = simulate(make_case("lazy", ONE_FILE, chain([0]), plain_network(rate_bytes_s=MB)))
    assert tables.summary["pull_s"] == approx((DOCUMENTS + 2 + TAIL) / MB)  # probe: bytes 0 and 1; HEAD has no body
    assert tables.summary["ready_s"] == approx(1.0)  # the file's 20 regions over 1 MB/s
    assert tables.summary["fetched_bytes"] == DOCUMENTS + 2 + TAIL + MB


def test_the_requests_of_a_layer_in_order(make_case):
    tables = simulate(make_case("lazy", ONE_FILE, chain([0]), plain_network(rate_bytes_s=MB)))
    blob = [(row["cause"], row["ranges"]) for row in tables.requests.to_pylist() if row["blob"].startswith("sha256")]
    assert blob == [
        ("probe", [[0, 1]]),
        ("probe", []),
        ("index", [[1_000_000, 1_001_050]]),  # footer; the TOC came with it
        ("foreground", [[0, 999_999]]),
    ]


def test_round_trips_are_counted_one_by_one(make_case):
    tables = simulate(make_case("lazy", ONE_FILE, make_program([], (ROOT, 0.0)), plain_network(float("inf"), 0.1)))
    # handshake, HEAD; handshake, manifest, config; handshake, probe, HEAD, footer; each body fits the initial window
    assert tables.summary["pull_s"] == approx(0.1 * 9)
    assert tables.summary["connections"] == 3


def test_slow_start_doubles_each_round_trip(make_case):
    layout = make_layout([[("a", 50_000, 50_000)]])
    tables = simulate(make_case("lazy", layout, chain([0]), plain_network(float("inf"), 0.1)))
    # the first 14,480 bytes after one round trip, 28,960 after the second, the rest after the third: RFC 6928
    assert tables.summary["ready_s"] == approx(0.3)


def after_a_pause(make_case, pause_s):
    """Seconds for 100 kB on a connection that 2 MB came over before, at 1 MB/s and 0.1 s."""
    layout = make_layout([[("large", 2 * MB, 2 * MB), ("far", MB, MB), ("small", 100_000, 100_000), ("end", MB, MB)]])
    program = make_program([(ROOT, 0.0, 0, 1), (0, pause_s, 2, 1)], (1, 0.0))
    tables = simulate(make_case("lazy", layout, program, plain_network(MB, 0.1)))
    *_, small = rows(tables, "foreground")
    return small["end_s"] - small["start_s"]


def test_a_window_grows_while_it_streams_and_lasts_longer_for_the_queue_it_made(make_case):
    """The 2 MB stand in the queue, so a time-out is more than a second; the window comes to 2 MB, a half of which
    is 1 MB: 100 kB need one round trip and their own 0.1 s."""
    assert after_a_pause(make_case, 1.0) == approx(0.2)
    assert after_a_pause(make_case, 3.0) == approx(0.2)


def test_a_long_pause_begins_slowly_again(make_case):
    # windows of 14,480 and 28,960 bytes, a round trip each, then what is left in the third
    assert after_a_pause(make_case, 600.0) == approx(0.1 + 2 * 0.1 + (100_000 - 3 * 14_480) / MB)


def test_a_window_that_covers_the_pipe_costs_no_more_round_trips(make_case):
    layout = make_layout([[("a", 10 * MB, 0)]])
    tables = simulate(make_case("lazy", layout, chain([0]), plain_network(144_800, 0.1)))
    # 14,480 bytes take 0.1 s on this link, as long as the round trip: the link binds from the first window on
    requests = rows(tables, "foreground")
    ends = [row["end_s"] - row["start_s"] for row in requests]
    assert ends == [approx(0.1 + row["bytes"] / 144_800) for row in requests]


def test_a_connection_has_no_more_under_way_than_the_senders_buffer(make_case):
    network = plain_network(float("inf"), 0.1, window_bytes=20_000)
    (request,) = rows(simulate(make_case("lazy", ONE_FILE, chain([0]), network)), "foreground")
    # a round trip; 14,480 bytes; a round trip later 20,000, and from then on as many each 0.1 s
    assert request["end_s"] - request["start_s"] == approx(0.1 + 0.1 + (MB - 14_480 - 20_000) / 200_000)


def test_chunks_that_share_a_unit_are_all_cached_when_one_is_read(make_case):
    host = free_host(chunk_s=0.25, inflate_s_per_packed_byte=1e-6)
    three = replace(ONE_FILE, extents=pa.concat_tables([ONE_FILE.extents] * 3))
    found = [
        simulate(make_case("lazy", layout, chain([0]), plain_network(float("inf")), host=host)).summary["ready_s"]
        for layout in (ONE_FILE, three)
    ]
    assert found == [approx(1.0 + 0.25), approx(1.0 + 3 * 0.25)]  # inflated once, each written to the cache


def test_a_network_on_the_nodes_own_cores_slows_what_is_decoded_meanwhile(make_case):
    host = free_host(cores=1, region_s_per_byte=1e-6)
    own = replace(plain_network(MB), node_s_per_byte=0.5e-6)
    alone = simulate(make_case("lazy", ONE_FILE, chain([0]), plain_network(MB), host=host)).summary["ready_s"]
    shared = simulate(make_case("lazy", ONE_FILE, chain([0]), own, host=host)).summary["ready_s"]
    assert alone == approx(1.0)  # a second of storing beside a second of transfer
    assert shared == approx(1.5)  # and half a second of carrying on the same core


def test_a_mount_waits_for_the_runtime_to_wake_once_in_a_while(make_case):
    layout = make_layout([[("a", MB, MB)], [("b", MB, MB)], [("c", MB, MB)]])
    free = plain_network(float("inf"))
    nothing = make_program([], (ROOT, 0.0))

    def pull_s(**costs):
        return simulate(make_case("lazy", layout, nothing, free, host=free_host(**costs))).summary["pull_s"]

    assert pull_s(wake_s=0.015) == approx(0.015)  # three mounts in a row
    assert pull_s(wake_s=0.015, fuse_mount_s=0.03) == approx(3 * 0.045)  # 20 ms without an answer: it sleeps again


def test_a_big_chunk_is_read_in_steps_of_2_mib_and_runs_into_the_next_chunk(make_case):
    layout = make_layout([[("a", 3 * MB, 4 * MB), ("b", MB, MB)]])
    tables = simulate(make_case("lazy", layout, chain([0]), plain_network(rate_bytes_s=MB)))
    assert [row["ranges"] for row in rows(tables, "foreground")] == [
        [[0, 2_099_999]],  # 2,097,152 bytes widened to 42 regions
        [[2_100_000, 2_999_999]],  # up to the end of a's section
    ]


def test_decoding_takes_cpu_after_the_bytes(make_case):
    host = free_host(inflate_s_per_packed_byte=4e-7, hash_s_per_byte=1e-8, chunk_s=0.001)
    tables = simulate(make_case("lazy", ONE_FILE, chain([0]), plain_network(MB), host=host))
    assert tables.summary["ready_s"] == approx(1.0 + MB * 4e-7 + 4 * MB * 1e-8 + 0.001)
    assert tables.summary["inflate_cpu_s"] == approx(0.441)


def test_the_collector_beside_a_decoder_matters_only_where_no_core_is_free(make_case):
    host = free_host(cores=1, inflate_s_per_packed_byte=4e-7, decode_beside=0.5)
    alone = simulate(make_case("lazy", ONE_FILE, chain([0]), plain_network(MB), host=host))
    assert alone.summary["ready_s"] == approx(1.0 + 0.4 + 0.2)  # 0.4 s and 0.2 s of it take turns: both end at 0.6 s
    beside = simulate(make_case("lazy", ONE_FILE, chain([0]), plain_network(MB), host=replace(host, cores=2)))
    assert beside.summary["ready_s"] == approx(1.0 + 0.4)
    assert beside.summary["inflate_cpu_s"] == approx(0.6)


def test_what_arrives_is_kept_while_more_arrives(make_case):
    host = free_host(region_s_per_byte=0.5e-6)
    quick = simulate(make_case("lazy", ONE_FILE, chain([0]), plain_network(MB), host=host))
    assert quick.summary["ready_s"] == approx(1.0)  # half a second of work beside a second of transfer
    slow = simulate(make_case("lazy", ONE_FILE, chain([0]), plain_network(4 * MB), host=host))
    assert slow.summary["ready_s"] == approx(0.5)


def test_smaller_regions_cost_more_to_store(make_case):
    host = free_host(region_s=1e-3)

    def ready_s(region_size):
        case = make_case("lazy", ONE_FILE, chain([0]), plain_network(float("inf")), host=host)
        client = replace(case.strategy.client, region_size=region_size)
        return simulate(replace(case, strategy=replace(case.strategy, client=client))).summary["ready_s"]

    assert ready_s(50_000) == approx(MB / 50_000 * 1e-3)
    assert ready_s(12_500) == approx(MB / 12_500 * 1e-3)


def test_regions_that_are_stored_already_are_read_again(make_case):
    layout = make_layout([[("a", 60_000, 60_000), ("b", 30_000, 30_000), ("c", MB, MB)]])
    host = free_host(region_read_s=0.1, region_read_s_per_byte=1e-6)
    tables = simulate(make_case("lazy", layout, chain([0, 1]), plain_network(float("inf")), host=host))
    assert tables.summary["ready_s"] == approx(0.1 + 50_000 * 1e-6)  # b: the one it shares with a


def test_equal_reads_share_a_request_and_overlapping_ones_do_not(make_case):
    layout = make_layout([[("a", 60_000, 60_000), ("b", 60_000, 60_000), ("c", MB, MB)]])
    together = make_program([(ROOT, 0.0, 0, 1), (ROOT, 0.0, 0, 1), (ROOT, 0.0, 1, 1)], (2, 0.0))
    tables = simulate(make_case("lazy", layout, together, plain_network(MB)))
    # a needs regions 0-1, b needs 1-2: region 1 crosses the link twice, a's two readers share one request
    assert sorted(row["ranges"] for row in rows(tables, "foreground")) == [[[0, 99_999]], [[50_000, 149_999]]]
    again = tables.summary["fetched_bytes"] - tables.summary["unique_bytes"]
    assert again == 50_000 + 2  # region 1, and the probe's two bytes


def test_a_follower_waits_for_its_anchor_and_nothing_else(make_case):
    layout = make_layout([[("a", 50_000, 50_000), ("b", 50_000, 50_000)]])
    program = make_program([(ROOT, 1.0, 0, 1), (ROOT, 5.0, 1, 1)], (1, 0.0))
    tables = simulate(make_case("lazy", layout, program, plain_network(50_000)))
    assert tables.summary["ready_s"] == approx(6.0)  # 5 s of thinking, 1 s of fetching, beside the other thread


def test_an_outage_stops_everything(make_case):
    network = plain_network(MB)
    cut = replace(network, outages=(Outage(start_s=0.5, duration_s=5.0),))
    calm = simulate(make_case("lazy", ONE_FILE, chain([0]), network)).summary["total_s"]
    assert simulate(make_case("lazy", ONE_FILE, chain([0]), cut)).summary["total_s"] == approx(calm + 5.0)


def test_a_full_bucket_lets_a_small_body_pass_at_line_speed(make_case):
    layout = make_layout([[("a", 1_000_000, MB)]])
    shaped = replace(plain_network(MB), bucket_bytes=200_000)
    program = make_program([(ROOT, 10.0, 0, 1)], (0, 0.0))  # the bucket has long been full again
    tables = simulate(make_case("lazy", layout, program, shaped))
    # while the burst lasts tokens fill at 1 MB/s and go at 1,250 MB/s: 200,000 × 1250 ÷ 1249 bytes pass in 0.16 ms
    burst = 200_000 * 1250 / 1249
    assert tables.summary["ready_s"] == approx(10.0 + burst / 1.25e9 + (MB - burst) / MB)


def test_a_token_costs_two_more_requests_on_each_client(make_case):
    network = plain_network(MB, token=True)
    tables = simulate(make_case("lazy", ONE_FILE, chain([0]), network))
    assert [row["status"] for row in rows(tables, "token")] == [401, 200] * 3  # resolver, fetcher, layer


@pytest.mark.parametrize("requests_s", [10.0, 100.0])
def test_the_registry_starts_so_many_requests_a_second(make_case, requests_s):
    many = make_layout([[(f"f{i}", 50_000, 50_000) for i in range(40)]])
    program = make_program([(ROOT, 0.0, i, 1) for i in range(40)], (39, 0.0))
    tables = simulate(make_case("lazy", many, program, plain_network(float("inf"), requests_s=requests_s)))
    # 3 documents, 2 probes, 1 index, then 40 at once: the 46th request starts 45 intervals after the first
    assert tables.summary["total_s"] == approx(45 / requests_s)

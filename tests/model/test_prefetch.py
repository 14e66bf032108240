"""Landmark prefetch and background fetch on hand-made images."""

from dataclasses import replace

import pyarrow as pa
from pytest import approx

from sim.core.program import ROOT
from sim.model.image import CONFIG_BYTES, MANIFEST_BYTES, MANIFEST_BYTES_PER_LAYER
from sim.strategy import simulate
from sim.strategy.strategy import BackgroundFetch, PerfectPrefetch

from .conftest import MB, chain, free_host, make_layout, make_program, plain_network, rows

HOT_AND_COLD = make_layout([[("hot", 5 * MB, 5 * MB), ("cold", 20 * MB, 20 * MB)]], landmark=1)
DOCUMENTS = MANIFEST_BYTES + MANIFEST_BYTES_PER_LAYER + CONFIG_BYTES
INDEX = 2 + 1_051


def test_create_waits_for_what_lies_before_the_landmark(make_case):
    summary = simulate(make_case("prefetch", HOT_AND_COLD, chain([0]), plain_network(MB))).summary
    assert summary["pull_s"] == approx((DOCUMENTS + INDEX) / MB)
    assert summary["create_s"] == approx(5.0)
    assert summary["ready_s"] == approx(0.0)
    assert summary["prefetched_bytes"] == 5 * MB
    assert summary["prefetched_unused_bytes"] == 0


def test_the_wait_gives_up_and_the_container_shares_the_link(make_case):
    layout = make_layout([[("hot", 15 * MB, 15 * MB), ("cold", MB, MB)]], landmark=1)
    summary = simulate(make_case("prefetch", layout, chain([1]), plain_network(MB))).summary
    assert summary["create_s"] == approx(10.0)  # prefetch_timeout_sec
    # 5 MB of the prefetch are left; the cold megabyte gets half the link: 2 s
    assert summary["ready_s"] == approx(2.0)
    assert summary["fetched_at_end_bytes"] == DOCUMENTS + INDEX + 16 * MB


def test_regions_of_a_running_prefetch_are_usable_as_they_land(make_case):
    files = [("early", MB, MB), ("late", 14 * MB, 14 * MB)]
    layout = make_layout([files], landmark=2)
    summary = simulate(make_case("prefetch", layout, chain([0]), plain_network(MB))).summary
    assert summary["ready_s"] == approx(0.0)  # after 10 s the first megabyte has long landed, decoding is free here
    assert summary["fetched_at_end_bytes"] == DOCUMENTS + INDEX + 15 * MB


def test_a_prefetch_is_given_up_after_thirty_seconds_and_what_came_stays(make_case):
    layout = make_layout([[("early", MB, MB), ("late", 49 * MB, 49 * MB)]], landmark=2)
    program = make_program([(ROOT, 25.0, 0, 1), (0, 0.0, 1, 1)], (1, 0.0))
    host = free_host(cores=1, inflate_s_per_packed_byte=1e-6)
    tables = simulate(make_case("prefetch", layout, program, plain_network(MB), host=host))
    (prefetch,) = rows(tables, "prefetch")
    assert prefetch["end_s"] - prefetch["start_s"] == approx(30.0)
    assert prefetch["bytes"] == approx(30 * MB, rel=1e-3)
    # at 35 s the early file is read: its bytes are here, but it is decoded only now; so is all that the late one needs
    assert tables.summary["inflate_cpu_s"] == approx(50.0)
    fetched = sum(row["bytes"] for row in rows(tables, "foreground"))
    assert fetched == approx(20 * MB, rel=5e-3)


def test_decoding_a_prefetch_uses_all_cores(make_case):
    layout = make_layout([[(f"f{i}", MB, MB) for i in range(4)]], landmark=4)
    host = free_host(inflate_s_per_packed_byte=1e-6)
    summary = simulate(make_case("prefetch", layout, chain([0]), plain_network(MB), host=host)).summary
    assert summary["create_s"] == approx(4.0 + 2.0)  # four CPU seconds on two cores, after the last byte


def test_a_chunk_decoded_ahead_costs_another_time_than_one_that_is_touched(make_case):
    layout = make_layout([[(f"f{i}", MB, MB) for i in range(4)]], landmark=4)
    host = free_host(cores=1, chunk_s=0.1, chunk_s_per_byte=1e-8, ahead_chunk_s=0.5, ahead_chunk_s_per_byte=1e-7)
    spent = {
        name: simulate(make_case(name, layout, chain([0, 1]), plain_network(MB), host=host)).summary["inflate_cpu_s"]
        for name in ("lazy", "prefetch")
    }
    assert spent["lazy"] == approx(2 * (0.1 + 0.01))
    assert spent["prefetch"] == approx(4 * (0.5 + 0.1))


def test_decoders_that_meet_in_a_shared_unit_each_go_through_it(make_case):
    apart = make_layout([[("a", MB, MB), ("b", MB, MB)]], landmark=2)
    column = apart.extents.schema.get_field_index("unit")
    extents = apart.extents.set_column(column, apart.extents.schema.field(column), pa.array([0, 0], pa.int32()))
    layout = replace(apart, extents=extents)

    def summary(cores):
        host = free_host(cores=cores, inflate_s_per_packed_byte=1e-6)
        return simulate(make_case("prefetch", layout, chain([]), plain_network(MB), host=host)).summary

    assert [summary(cores)["create_s"] for cores in (1, 2)] == [approx(2.0 + 1.0), approx(2.0 + 1.0)]
    assert [summary(cores)["inflate_cpu_s"] for cores in (1, 2)] == [approx(1.0), approx(2.0)]


def test_a_mount_waits_while_all_cores_decode(make_case):
    layout = make_layout([[("a", MB, MB)], [("b", MB, MB)]], landmark=1)
    host = free_host(cores=1, inflate_s_per_packed_byte=1e-6, wake_s=0.015, busy_wake_s=0.1)
    network = plain_network(float("inf"))
    idle = simulate(make_case("lazy", layout, chain([]), network, host=host)).summary["pull_s"]
    decoding = simulate(make_case("prefetch", layout, chain([]), network, host=host)).summary["pull_s"]
    assert idle == approx(0.015)  # the second mount follows at once
    assert decoding == approx(0.015 + 0.1)  # a second of decoding has begun meanwhile


def test_a_mount_waits_no_longer_than_the_cores_are_busy(make_case):
    layout = make_layout([[("a", MB, MB)], [("b", MB, MB)]], landmark=1)
    host = free_host(cores=1, inflate_s_per_packed_byte=1e-6, wake_s=0.015, busy_wake_s=5.0)
    network = plain_network(float("inf"))
    pull_s = simulate(make_case("prefetch", layout, chain([]), network, host=host)).summary["pull_s"]
    assert 2.0 <= pull_s < 2.011  # both layers are decoded from the start on, a second each; a turn is 10 ms


def test_a_perfect_prefetch_leaves_only_the_index(make_case):
    case = make_case("lazy", HOT_AND_COLD, chain([0, 1]), plain_network(MB))
    perfect = replace(case, strategy=replace(case.strategy, prefetch=PerfectPrefetch()))
    assert simulate(perfect).summary["total_s"] == approx((DOCUMENTS + INDEX) / MB)


def test_background_fetch_waits_for_five_quiet_seconds(make_case):
    layout = make_layout([[("a", MB, MB), ("b", 50 * MB, 50 * MB)]], landmark=1)
    program = make_program([(ROOT, 0.0, 0, 1), (0, 20.0, 0, 1)], (1, 0.0))
    tables = simulate(make_case("background", layout, program, plain_network(MB)))
    first = min(row["start_s"] for row in tables.requests.to_pylist() if row["cause"] == "background")
    prefetched = tables.summary["pull_s"] + tables.summary["create_s"]
    assert first == approx(prefetched + 5.0)
    assert tables.summary["fetched_at_end_bytes"] >= DOCUMENTS + INDEX + 51 * MB


def test_foreground_work_cancels_a_background_fetch_and_whole_regions_stay(make_case):
    files = [("a", MB, MB), ("b", 50 * MB, 50 * MB), ("c", 50 * MB, 50 * MB), ("d", 75_000, 75_000)]
    layout = make_layout([files], landmark=1)
    program = make_program([(ROOT, 6.02, 3, 1)], (0, 0.0))
    tables = simulate(make_case("background", layout, program, plain_network(MB)))
    background = [row for row in tables.requests.to_pylist() if row["cause"] == "background"]
    # the prefetch ends at 1 s, quiet lasts 5 s from then; 1.02 s later the container asks: two halves of the link
    assert [row["bytes"] for row in background[:2]] == [approx(510_000, abs=1)] * 2
    foreground = [row for row in tables.requests.to_pylist() if row["cause"] == "foreground"]
    assert foreground[0]["end_s"] - foreground[0]["start_s"] == approx(foreground[0]["bytes"] / MB)


def test_background_settings_are_the_strategys(make_case):
    layout = make_layout([[("a", MB, MB), ("b", 50 * MB, 50 * MB)]], landmark=1)
    case = make_case("background", layout, make_program([(ROOT, 3.0, 0, 1)], (0, 0.0)), plain_network(MB))
    eager = replace(case, strategy=replace(case.strategy, background=BackgroundFetch(quiet_s=0.5, max_concurrency=1)))
    causes = {row["cause"] for row in simulate(eager).requests.to_pylist()}
    assert "background" in causes
    assert "background" not in {row["cause"] for row in simulate(case).requests.to_pylist()}

"""Accounting closes in every run: bytes to the byte, shares to the total, and nothing beats the clairvoyant."""

from collections import defaultdict
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest import approx

from sim.core.network import Network, Registry
from sim.core.program import ROOT
from sim.model import http
from sim.plan.columns import layout_columns
from sim.strategy import PRESETS, Case, preset, simulate, what_ifs

from .conftest import chain, free_host, make_layout, make_program

REGION = 50_000

sizes = st.integers(1, 400_000)
layer_files = st.lists(st.tuples(sizes, sizes), min_size=1, max_size=6)


@st.composite
def images_and_programs(draw):
    layers = [
        [(f"{layer}/{number}", size, raw) for number, (size, raw) in enumerate(files)]
        for layer, files in enumerate(draw(st.lists(layer_files, min_size=1, max_size=3)))
    ]
    layout = make_layout(layers, landmark=draw(st.integers(1, 3)))
    units = sum(len(files) for files in layers)
    count = draw(st.integers(1, 12))
    steps = [
        (
            draw(st.integers(ROOT, number - 1)),
            draw(st.sampled_from([0.0, 0.01, 1.0])),
            draw(st.integers(0, units - 1)),
            1000,
        )
        for number in range(count)
    ]
    return layout, make_program(steps, (draw(st.integers(0, count - 1)), 0.0))


networks = st.builds(
    Network,
    rate_bytes_s=st.sampled_from([1e5, 2.5e6, 1.25e8]),
    rtt_s=st.sampled_from([0.0, 0.0005, 0.1]),
    registry=st.builds(Registry, token=st.booleans(), redirect=st.booleans(), tls_round_trips=st.integers(0, 2)),
)


def case_of(name, layout, program, network):
    host = free_host(
        inflate_s_per_packed_byte=9e-9, decode_beside=0.1, document_s=0.01, chunk_s=3e-4, fuse_read_s=4e-5,
        local_read_s=1e-6, unpack_s_per_byte=1e-8, unpack_s_per_file=1e-4, create_s=0.1, lazy_create_s=0.1,
        toc_s=0.01, wake_s=0.015, lazy_start_s=0.1, start_s=0.1, region_s_per_byte=2e-9,
    )  # fmt: skip
    return Case(
        workload="made", columns=layout_columns(layout), program=program, readiness="exit",
        host=host, network=network, strategy=preset(name),
    )  # fmt: skip


@pytest.mark.parametrize("name", PRESETS)
@settings(max_examples=15, deadline=None)
@given(made=images_and_programs(), network=networks)
def test_bytes_and_seconds_add_up(name, made, network):
    layout, program = made
    tables = simulate(case_of(name, layout, program, network))
    summary = tables.summary
    requests = tables.requests.to_pylist()
    bodies = sum(row["bytes"] for row in requests)
    by_ready = sum(row["bytes"] for row in requests if row["end_s"] <= summary["total_s"])
    phases = summary["pull_s"] + summary["create_s"] + summary["start_s"] + summary["ready_s"]
    assert phases == approx(summary["total_s"], abs=1e-9)
    assert sum(tables.shares.values()) == approx(summary["total_s"], abs=1e-9)
    assert min(tables.shares.values()) >= -1e-9
    if name == "clairvoyant":
        return
    assert by_ready <= summary["fetched_bytes"] <= bodies
    assert summary["unique_bytes"] <= summary["fetched_bytes"]
    assert tables.counts["unique_bytes_at_end"] == distinct_bytes(layout, requests)
    assert tables.counts["link_body_bytes"] == bodies  # to the byte
    if name != "background":  # a cancelled request carries a part of a byte and of its headers
        on_the_wire = sum(row["bytes"] * network.wire_overhead + network.request_wire_bytes for row in requests)
        assert bodies == summary["fetched_at_end_bytes"]
        assert summary["wire_bytes"] == approx(on_the_wire, abs=1)


def distinct_bytes(layout, requests):
    """Distinct bytes among the answers, counted byte by byte from the request log alone."""
    sizes = {row["digest"]: row["size"] for row in layout.blobs.to_pylist()}
    seen = {digest: np.zeros(size, dtype=bool) for digest, size in sizes.items()}
    documents = 0
    for row in requests:
        if row["blob"] not in sizes:
            documents += row["bytes"]
        elif row["cause"] != "probe" and row["status"] in (200, 206):
            left = row["bytes"]
            for first, last in row["ranges"] or [(0, sizes[row["blob"]] - 1)]:
                whole = min(left, last - first + 1)
                left -= whole
                if row["ranges"] and whole < last - first + 1:
                    whole -= whole % REGION  # a cancelled answer: only whole regions stay
                seen[row["blob"]][first : first + whole] = True
    return documents + sum(int(bytes_.sum()) for bytes_ in seen.values())


@settings(max_examples=20, deadline=None)
@given(made=images_and_programs(), network=networks)
def test_lazy_layers_hold_whole_regions_and_their_tail(made, network):
    layout, program = made
    tables = simulate(case_of("prefetch", layout, program, network))
    regions = defaultdict(set)
    for row in tables.requests.to_pylist():
        if row["blob"].startswith("sha256:") and row["cause"] != "probe":
            for first, last in row["ranges"]:
                assert first % REGION == 0
                regions[row["blob"]].update(range(first // REGION, last // REGION + 1))
    for blob in layout.blobs.to_pylist():
        held = sum(min(REGION, blob["size"] - region * REGION) for region in regions[blob["digest"]])
        assert (held - blob["size"] % REGION) % REGION == 0  # the tail was read when the layer was resolved


@settings(max_examples=20, deadline=None)
@given(made=images_and_programs(), network=networks)
def test_nothing_is_sooner_than_the_clairvoyant(made, network):
    layout, program = made
    best = simulate(case_of("clairvoyant", layout, program, network)).summary["total_s"]
    for name in ("full", "lazy", "prefetch", "background"):
        assert simulate(case_of(name, layout, program, network)).summary["total_s"] >= best - 1e-9


@settings(max_examples=20, deadline=None)
@given(made=images_and_programs(), network=networks)
def test_what_ifs_only_take_away_from_a_serial_start(made, network):
    # In parallel starts a cheaper world may make two readers ask for overlapping regions at once: dearer in all. And
    # what comes sooner lies idle longer, until TCP starts slowly again: here it never does.
    layout, program = made
    with mock.patch.object(http, "MIN_RETRANSMISSION_TIMEOUT_S", float("inf")):
        for name in ("full", "lazy"):
            case = case_of(name, layout, chain(program.units.tolist()), network)
            total_s = simulate(case).summary["total_s"]
            for what, variant in what_ifs(case).items():
                assert simulate(variant).summary["total_s"] <= total_s + 1e-9, (name, what)


def test_the_same_case_twice_gives_the_same_tables():
    layout = make_layout([[(f"f{i}", 70_000 + i, 150_000) for i in range(30)]], landmark=9)
    rng = np.random.default_rng(7)
    steps = [(int(rng.integers(-1, number)), 0.001, int(rng.integers(30)), 1000) for number in range(60)]
    case = case_of("background", layout, make_program(steps, (59, 0.0)), Network(rate_bytes_s=2.5e6, rtt_s=0.02))
    first, second = simulate(case), simulate(case)
    assert first.summary == second.summary
    assert first.spans.equals(second.spans)
    assert first.requests.equals(second.requests)

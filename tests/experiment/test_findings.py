"""What the README says of the recorded workloads, on the committed data, at 100 Mbit/s and 20 ms."""

from collections import defaultdict
from pathlib import Path

import pyarrow.compute as pc
import pytest

import sim
from sim.catalog import workload
from sim.core.host import load_host
from sim.core.layout import read_layout
from sim.core.trace import read_trace
from sim.experiment.plan import host_file

LINK = {"rate": "100 Mbit/s", "rtt": "20ms"}
LARGE = "tensorflow"  # at least 400 MB compressed


@pytest.fixture(scope="module")
def summaries():
    """Summary by preset of the large image."""
    presets = ("full", "lazy", "prefetch")
    return {
        preset: sim.run({"workload": LARGE, "strategy": preset, "network": LINK, "what_ifs": False}).summary
        for preset in presets
    }


def test_the_large_image_is_large(summaries):
    assert summaries["full"]["image_bytes"] >= 400_000_000


def test_lazy_pull_time_grows_with_the_index_only(summaries):
    def pull(total):
        image = {"total": total, "layers": 10}
        run = sim.run({"workload": "web", "strategy": "lazy", "network": LINK, "image": image, "what_ifs": False})
        return run.summary["pull_s"], sum(row["bytes"] for row in run.requests.to_pylist() if row["cause"] == "index")

    tocs = [row for row in read_layout(workload("web").layouts["estargz"]).index.to_pylist() if row["kind"] == "toc"]
    json_share = sum(toc["raw_size"] for toc in tocs) / sum(toc["size"] for toc in tocs)
    parse_s_per_byte = json_share * load_host(host_file("reference", Path())).host.toc_s_per_byte
    (small_s, small_index), (large_s, large_index) = pull("100MB"), pull("2GB")
    # at most: first transferred at link rate, then parsed on one core
    assert large_s - small_s <= (large_index - small_index) * (1.0456 / 12.5e6 + parse_s_per_byte) + 0.05
    assert summaries["lazy"]["pull_s"] < 0.02 * summaries["full"]["pull_s"]


def test_a_lazy_start_is_slower_than_a_local_one(summaries):
    assert summaries["lazy"]["ready_s"] > summaries["full"]["ready_s"]


def test_the_landmark_moves_time_from_ready_to_create(summaries):
    assert summaries["prefetch"]["create_s"] > summaries["lazy"]["create_s"]
    assert summaries["prefetch"]["ready_s"] < summaries["lazy"]["ready_s"]


def test_copying_a_data_file_up_over_a_lazy_lower_fetches_all_of_it():
    postgres = workload("postgres")
    operations = read_trace(postgres.traces["throttled"]).operations
    layout = read_layout(postgres.layouts["estargz"])
    size = {
        (layer, path): size
        for layer, path, size in zip(
            *(layout.entries.column(name).to_pylist() for name in ("layer", "path", "size")), strict=True
        )
    }
    reads = operations.filter(pc.equal(operations.column("kind").cast("string"), "read")).to_pylist()
    copied_up = {(row["layer"], row["path"]) for row in reads if row["copy_up"]}
    read = defaultdict(set)
    for row in reads:  # what the database had read before is in the page cache when the copy comes to it
        file = row["layer"], row["path"]
        if file in copied_up:
            read[file].add((row["offset"], min(row["offset"] + row["length"], size[file])))
    copied = {file: ranges for file, ranges in read.items() if size[file] > 0}
    assert max(size[file] for file in copied) > 10_000_000  # a file of the database's log
    for file, ranges in copied.items():
        reached = 0
        for start, end in sorted(ranges):
            assert start <= reached, file
            reached = max(reached, end)
        assert reached == size[file], file

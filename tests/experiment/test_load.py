"""Experiment files: what they mean, and one line for every mistake."""

import pytest
import yaml

from sim.core.errors import BadConfig
from sim.core.network import Network, Outage, Registry
from sim.experiment.load import load_experiment

FULL = {
    "name": "startup",
    "claim": "lazy is sooner",
    "workload": "web",
    "strategy": "lazy",
    "network": {
        "rate": "100 Mbit/s",
        "rtt": "20ms",
        "wire_overhead": 1.0456,
        "bucket": "1MB",
        "node_cpu_per_megabyte": "0ms",
        "outages": [{"start": "1s", "duration": "250ms"}],
        "registry": {
            "service": "2ms",
            "requests_s": 50,
            "token": True,
            "redirect": True,
            "tls_round_trips": 1,
            "window": "2.9MB",
            "rate": "1 Gbit/s",
        },
    },
    "host": "reference",
    "image": {"total": "1GB", "layers": 20, "read_share": 0.2},
    "nodes": 3,
    "replicates": 1,
    "seed": 7,
    "what_ifs": False,
}


@pytest.fixture
def file(tmp_path):
    def write(**changes):
        path = tmp_path / "config.yaml"
        path.write_text(yaml.safe_dump(FULL | changes, sort_keys=False))
        return path

    return write


def cells(path, *sets):
    return load_experiment(path, sets).cells


def test_every_value_reaches_the_model_in_its_unit(file):
    (cell,) = cells(file())
    assert cell.network.resolve() == Network(
        rate_bytes_s=12.5e6,
        rtt_s=0.02,
        wire_overhead=1.0456,
        bucket_bytes=1_000_000,
        outages=(Outage(start_s=1.0, duration_s=0.25),),
        registry=Registry(
            service_s=0.002, requests_s=50.0, rate_bytes_s=125e6, token=True, redirect=True, tls_round_trips=1
        ),
    )
    assert cell.image.total_bytes == 1_000_000_000
    assert (cell.image.layers, cell.image.read_share) == (20, 0.2)
    assert (cell.nodes, cell.seed, cell.replicate, cell.what_ifs) == (3, 7, 0, False)


def test_what_is_left_out_is_plain_http_on_a_reference_network(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("{name: x, workload: web, strategy: lazy, image: null}")
    (cell,) = cells(path)
    assert cell.network.resolve() == Network(rate_bytes_s=12.5e6, rtt_s=0.02)
    assert cell.image.as_recorded


def test_sizes_may_be_numbers(file):
    made = cells(file(), "matrix.image.total=[1500000000, 1.5e+9, 1500 MB]")
    assert {cell.image.total_bytes for cell in made} == {1_500_000_000}


def test_unlimited_is_infinite(file):
    (cell,) = cells(file(), "network.rate=unlimited", "network.registry.requests_s=unlimited")
    assert cell.network.resolve().rate_bytes_s == float("inf")
    assert cell.network.resolve().registry.requests_s == float("inf")


def test_a_matrix_is_the_product_in_order_of_the_file(file):
    made = cells(file(matrix={"workload": ["a", "b"], "network.rtt": ["1ms", "2ms", "3ms"]}))
    assert [(cell.workload, cell.network.rtt) for cell in made] == [
        (workload, rtt) for workload in "ab" for rtt in ("1ms", "2ms", "3ms")
    ]
    assert all(cell.network.rate == "100 Mbit/s" for cell in made)


def test_several_grids_are_one_after_the_other(file):
    grids = [{"image.layers": [5, 10]}, {"image.total": ["1GB", "2GB", "3GB"]}]
    experiment = load_experiment(file(matrix=grids))
    assert [cell.image.layers for cell in experiment.cells] == [5, 10, 20, 20, 20]
    assert experiment.varied == ("image.layers", "image.total")


def test_replicates_multiply(file):
    made = cells(file(replicates=3, matrix={"workload": ["a", "b"]}))
    assert [(cell.workload, cell.replicate) for cell in made] == [(w, r) for w in "ab" for r in range(3)]


def test_set_fixes_what_the_matrix_varies_and_can_vary_it_otherwise(file):
    path = file(matrix={"workload": ["a", "b"], "network.rate": ["1 Mbit/s", "2 Mbit/s"]})
    assert [cell.network.rate for cell in cells(path, "network.rate=9 Mbit/s")] == ["9 Mbit/s"] * 2
    made = cells(path, "matrix.network.rate=[7 Mbit/s]", "workload=c")
    assert [(cell.workload, cell.network.rate) for cell in made] == [("c", "7 Mbit/s")]
    assert len(cells(path, "replicates=2")) == 8


def test_set_below_a_strategy_changes_that_strategy(file):
    path = file(matrix={"strategy": ["lazy", "prefetch"]})
    made = cells(path, "strategy.region_size=100kB")
    assert [(cell.strategy.like, cell.strategy.region_size) for cell in made] == [
        ("lazy", "100kB"),
        ("prefetch", "100kB"),
    ]


def test_the_file_is_kept_as_it_was_written(file):
    (cell,) = cells(file())
    written = FULL | {"replicate": 0}
    assert cell.model_dump() == {key: value for key, value in written.items() if key != "replicates"}


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("network.rat=1", "{file}: network.rat is unknown; did you mean rate?"),
        ("netwrk.rate=1", "{file}: netwrk is unknown; did you mean network?"),
        ("workloads=web", "{file}: workloads is unknown; did you mean workload?"),
        ("network.registry.tokn=true", "{file}: network.registry.tokn is unknown; did you mean token?"),
        (
            "network.outages=[{start: 1s, lasts: 1s}]",
            "{file}: network.outages.0.lasts is unknown; did you mean start?",
        ),
        ("strategy={like: lazy, regionsize: 1kB}", "{file}: strategy.regionsize is unknown; did you mean region_size?"),
        ("network.rate=0", "{file}: network.rate is 0; a rate must be more than zero, like 100 Mbit/s"),
        (
            "network.rate=0 Mbit/s",
            "{file}: network.rate is '0 Mbit/s'; a rate must be more than zero, like 100 Mbit/s",
        ),
        (
            "network.rate=-5 Mbit/s",
            "{file}: network.rate is '-5 Mbit/s'; a rate must be more than zero, like 100 Mbit/s",
        ),
        ("network.rate=.nan", "{file}: network.rate is nan; a rate must be more than zero, like 100 Mbit/s"),
        ("network.rate=true", "{file}: network.rate is True; a rate must be more than zero, like 100 Mbit/s"),
        (
            "network.rate=fast",
            "{file}: network.rate: rate 'fast' is not a number with a unit; write it like 100 Mbit/s or 12.5 MB/s",
        ),
        (
            "network.registry.rate=0",
            "{file}: network.registry.rate is 0; a rate must be more than zero, like 100 Mbit/s",
        ),
        (
            "network.registry.requests_s=0",
            "{file}: network.registry.requests_s is 0; requests per second must be more than zero, "
            "like 500 or unlimited",
        ),
        ("network.rtt=-1ms", "{file}: network.rtt is '-1ms'; a duration must be finite and not negative, like 20ms"),
        ("network.rtt=.inf", "{file}: network.rtt is inf; a duration must be finite and not negative, like 20ms"),
        ("network.bucket=-1", "{file}: network.bucket is -1; a size must be finite and not negative, like 1GB"),
        ("network.bucket=.nan", "{file}: network.bucket is nan; a size must be finite and not negative, like 1GB"),
        (
            "strategy.region_size=0",
            "{file}: strategy.region_size is 0; a size must be more than zero, like 50kB",
        ),
        ("network=5", "{file}: network is 5; it must be a mapping of keys"),
        ("nodes=0", "{file}: nodes is 0; input should be greater than or equal to 1"),
        ("nodes=two", "{file}: nodes is 'two'; input should be a valid integer"),
        ("replicates=0", "{file}: replicates is 0; it must be a whole number from 1"),
        ("name=../up", "{file}: name is '../up'; string should match pattern '^[a-z0-9][a-z0-9._-]*$'"),
        ("workload=null", "{file}: workload is missing; give it a value"),
        ("image.read_share=1.5", "{file}: image.read_share is 1.5; input should be less than or equal to 1"),
        ("network.rate", "--set network.rate: write it as key=value, like network.rate='50 Mbit/s'"),
        ("network.rate=[", "--set network.rate=[: the value is not YAML; quote it"),
        ("workload.name=x", "workload.name: cannot be set, since workload is 'web' and not a mapping; mend the file"),
        (
            "matrix.workload=web",
            "--set matrix.workload=web: write it like matrix.network.rate=[20 Mbit/s, 100 Mbit/s]",
        ),
    ],
)
def test_a_mistake_is_one_line_that_says_where_and_what_instead(file, override, message):
    path = file()
    with pytest.raises(BadConfig) as caught:
        load_experiment(path, [override])
    assert str(caught.value) == message.format(file=path)


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        ("x", "matrix is a mapping from dotted keys to lists of values, or a list of those"),
        ({"workload": "web"}, "matrix.workload must be a list with at least one value"),
        ({"workload": []}, "matrix.workload must be a list with at least one value"),
        ({"name": ["a"]}, "matrix.name cannot be varied; it belongs to the whole experiment"),
        ({"replicates": [1, 2]}, "matrix.replicates cannot be varied; it belongs to the whole experiment"),
        ({"network.rat": ["1 Mbit/s"]}, "network.rat is unknown; did you mean rate?"),
        ({"seed": list(range(1000)), "nodes": list(range(1000))}, "the matrix has 1000000 runs, at most 100000 are"),
    ],
)
def test_a_wrong_matrix_is_one_line(file, matrix, message):
    path = file(matrix=matrix)
    with pytest.raises(BadConfig) as caught:
        load_experiment(path)
    assert str(caught.value).startswith(f"{path}: {message}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a list", "an experiment file is a mapping of keys; see docs/results.md for an example"),
        ("a: [1", "not YAML ("),
        ("", "an experiment file is a mapping of keys"),
    ],
)
def test_a_file_of_another_kind_is_one_line(tmp_path, text, message):
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(BadConfig) as caught:
        load_experiment(path)
    assert str(caught.value).startswith(f"{path}: {message}")
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_one_line(tmp_path):
    with pytest.raises(BadConfig, match="cannot read experiment file"):
        load_experiment(tmp_path / "none.yaml")


def test_another_layout_is_asked_for_in_sizes_and_shares(file):
    layout = {"chunk_size": "1 MiB", "min_chunk_size": "50kB", "landmark": {"share": 0.5, "order": "size"}}
    (cell,) = cells(file(image=None, layout=layout))
    options = cell.layout.options()
    assert (options.chunk_size_bytes, options.min_chunk_size_bytes) == (1 << 20, 50_000)
    assert cell.layout.landmark is not None
    assert (cell.layout.landmark.share, cell.layout.landmark.order, cell.layout.landmark.trace) == (
        0.5,
        "size",
        "throttled",
    )


def test_a_cell_without_another_layout_is_stored_as_ever(file):
    assert "layout" not in cells(file())[0].model_dump()
    (cell,) = cells(file(image=None), "layout.landmark.share=0")
    assert cell.model_dump()["layout"]["landmark"]["share"] == 0


@pytest.mark.parametrize(
    ("layout", "words"),
    [
        ({"chunk_size": "32 KiB"}, "layout.chunk_size is '32 KiB'; a chunk size must be between 64 KiB and 16 MiB"),
        ({"chunk_size": "17 MiB"}, "between 64 KiB and 16 MiB"),
        ({"min_chunk_size": "-1B"}, "layout.min_chunk_size is '-1B'"),
        ({"landmark": {"share": 1.5}}, "layout.landmark.share is 1.5"),
        ({"landmark": {"shares": 1}}, "layout.landmark.shares is unknown; did you mean share?"),
        ({"chunksize": "1 MiB"}, "layout.chunksize is unknown; did you mean chunk_size?"),
        ({"landmark": {"order": "random"}}, "layout.landmark.order is 'random'"),
    ],
)
def test_mistakes_in_a_layout_are_named(file, layout, words):
    with pytest.raises(BadConfig) as caught:
        cells(file(image=None, layout=layout))
    assert words in str(caught.value)


def test_padding_and_another_layout_exclude_each_other(file):
    with pytest.raises(BadConfig, match="image and layout were both given"):
        cells(file(layout={"chunk_size": "1 MiB"}))

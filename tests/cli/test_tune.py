"""`lazypull tune` as a user meets it."""

import json

import pytest

from sim.cli.main import main
from sim.core.trace import write_trace
from tests.tune.small import READ, make_catalog, recording


@pytest.fixture
def mini(tmp_path, monkeypatch):
    """A catalog with the workload `mini`; gives its folder."""
    make_catalog(tmp_path / "catalog")
    monkeypatch.setenv("LAZYPULL_TRACES", str(tmp_path / "catalog"))
    monkeypatch.setenv("LAZYPULL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "catalog" / "mini"


@pytest.fixture
def tune(mini, capsys):
    """Run the verb serially with few candidates; gives status, stdout, stderr."""

    def call(*arguments):
        status = main(["tune", *map(str, arguments), "--executor", "serial", "--trials", "6"])
        shown = capsys.readouterr()
        return status, shown.out, shown.err

    return call


def test_it_prints_ranking_networks_and_front(tune):
    status, out, err = tune("mini", "--network", "100 Mbit/s,20ms", "--network", "20 Mbit/s,100ms")
    assert (status, err) == (0, "")
    first, *_ = out.splitlines()
    assert first.startswith("mini: 6 candidates (grid) × 1 recording × 2 networks = 12 starts in ")
    assert first.endswith("layouts estimated, starts simulated")
    for text in ("tuned on", "judged on", "winner", "default", "full landmark", "× best", "Pareto front"):
        assert text in out
    assert "tuned on cold-5ms, judged on cold-5ms-b" in out
    default = next(line for line in out.splitlines() if "default" in line and "off" in line)
    assert "4 MiB" in default
    assert "50 kB" in default
    assert default.count("1.000") == 2


def test_json_is_one_document(tune, tmp_path):
    status, out, err = tune("mini", "--json", "--out", tmp_path / "out")
    made = json.loads(out)
    assert (status, err) == (0, "")
    assert made["candidates"] == 6
    assert made["files"] == [str(tmp_path / "out" / name) for name in ("tuning.json", "starts.parquet", "pareto.png")]
    assert json.loads((tmp_path / "out" / "tuning.json").read_text())["ranking"] == made["ranking"]


def test_the_same_again_is_the_same(tune):
    first, second = (json.loads(tune("mini", "--json", "--search", "optuna")[1]) for _ in range(2))
    del first["search_s"], second["search_s"]
    assert first == second
    assert first["search"] == "optuna"


def break_blocks(mini):
    (mini / "blocks" / "header.json").unlink()


def nothing(_mini):
    pass


@pytest.mark.parametrize(
    ("damage", "arguments", "line"),
    [
        (nothing, ["mnii"], "workload 'mnii' is not in {catalog}; did you mean 'mini'?"),
        (nothing, ["mini", "none.trace"], "none.trace: no trace here (header.json is missing); check the path"),
        (
            nothing,
            ["mini", "--network", "100 Mbit/s"],
            "network '100 Mbit/s': write rate and round trip, like '100 Mbit/s,20ms'",
        ),
        (
            nothing,
            ["mini", "{catalog}/other.trace"],
            "{catalog}/other.trace: was recorded on content abababababab… but ",
        ),
        (nothing, ["oci:{catalog}/none"], "oci:{catalog}/none: needs a recording to tune on; pass a trace "),
        (nothing, ["mini", "--output", "oci:{catalog}/out"], "{cache}/images/mini/oci: the image of mini is not built"),
        (break_blocks, ["mini"], "{catalog}/mini/blocks: blocks were not measured"),
    ],
)
def test_bad_input_is_one_line_and_status_2(damage, arguments, line, tune, mini):
    places = {"catalog": mini.parent, "cache": mini.parent.parent / "cache"}
    write_trace(mini.parent / "other.trace", recording("sha256:" + "ab" * 32, READ))
    damage(mini)
    status, out, err = tune(*(argument.format(**places) for argument in arguments))
    assert (status, out) == (2, "")
    assert err.startswith(f"lazypull: {line.format(**places)}")
    assert err.count("\n") == 1

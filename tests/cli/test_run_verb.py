"""`lazypull run` as a user meets it."""

import json
import os
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest

from sim.cli.crossings import crossings_text
from sim.cli.main import main
from sim.cli.runs import reference_slice
from sim.core.layout import write_layout
from sim.core.trace import write_trace
from tests.experiment.small import make_layout, make_trace

PRESETS = ["full", "lazy", "prefetch", "background", "clairvoyant"]
RATES = ["20 Mbit/s", "100 Mbit/s", "1000 Mbit/s"]
RTTS = ["0.5ms", "20ms", "100ms"]


@pytest.fixture
def lazypull(tmp_path, capsys):
    """Run the verb serially into tmp_path/out; gives status, stdout, stderr."""

    def call(*arguments):
        status = main(["run", *map(str, arguments), "--out", str(tmp_path / "out"), "--executor", "serial"])
        shown = capsys.readouterr()
        return status, shown.out, shown.err

    return call


def test_the_table_has_a_line_for_each_run(lazypull, config):
    status, out, err = lazypull(config(matrix={"strategy": PRESETS}))
    header, *lines = out.splitlines()[:6]
    assert status == 0
    assert err == ""
    for name in ("workload", "preset", "network", "pull", "create", "start", "ready", "total", "fetched MB", "× best"):
        assert name in header
    assert [line.split()[:2] for line in lines] == [["tiny", preset] for preset in PRESETS]
    assert all("100 Mbit/s, 20 ms" in line for line in lines)
    assert lines[-1].endswith("1.00")
    assert "5 of 5 runs are shown, times in seconds; all: " in out


def test_of_a_large_matrix_the_middle_network_is_shown(lazypull, config):
    matrix = {"workload": ["tiny", "toy"], "strategy": PRESETS, "network.rate": RATES, "network.rtt": RTTS}
    status, out, _ = lazypull(config(matrix=matrix))
    lines = [line for line in out.splitlines() if line.startswith(("tiny", "toy"))]
    assert status == 0
    assert len(lines) == 30  # two workloads, five presets, three round trips at 100 Mbit/s
    assert all("100 Mbit/s" in line for line in lines)
    assert "30 of 90 runs are shown" in out


def test_a_slice_goes_on_until_it_is_small():
    rows = [
        {
            "workload": workload,
            "network.rate": "",
            "network.rate_bytes_s": rate,
            "network.rtt_s": rtt,
            "image.layers": n,
        }
        for workload in range(10)
        for rate in (1.0, 12.5e6, 9e9)
        for rtt in (0.0, 0.02, 0.1)
        for n in (None, 5, 6, 7)
    ]
    shown = reference_slice(rows)
    assert len(shown) == 40
    assert {(row["network.rate_bytes_s"], row["network.rtt_s"]) for row in shown} == {(12.5e6, 0.02)}


def test_a_value_left_as_recorded_is_a_value_like_others():
    cells = [(None, 5), (None, 6), (None, 7), (0.1, 5), (0.2, 5)]
    rows = [{"workload": "web", "image.read_share": share, "image.layers": layers} for share, layers in cells]
    assert [row["image.layers"] for row in reference_slice(rows, 3)] == [5, 6, 7]


def test_crossings_are_said_in_words():
    # full takes a second every 10 MB, lazy 5 s whatever the size: equal at 50 MB
    rows = [
        {
            "workload": "web",
            "strategy": strategy,
            "source": "model",
            "status": "done",
            "image.total_bytes": size,
            "network.rtt_s": 0.02,
            "total_s": size / 1e7 if strategy == "full" else 5.0,
        }
        for strategy in ("full", "lazy")
        for size in (1e7, 1e8, 1e9)
    ]
    assert crossings_text(pd.DataFrame(rows)) == "web, lazy or full by image size: full, lazy beyond 50 MB"


def test_json_is_one_document_with_every_value(lazypull, config):
    status, out, err = lazypull(config(matrix={"strategy": PRESETS}), "--json")
    document = json.loads(out)
    assert status == 0
    assert err == ""
    assert document["experiment"] == "exp"
    assert (document["done"], document["skipped"], document["failed"]) == (5, 0, 0)
    assert [run["strategy"] for run in document["runs"]] == PRESETS
    assert document["runs"][0]["total_s"] > 0


def test_twice_into_two_folders_is_the_same_bytes(config, tmp_path, capsys):
    path = config(what_ifs=True, matrix={"strategy": PRESETS, "network.rtt": RTTS})
    for name in "ab":
        assert main(["run", str(path), "--json", "--out", str(tmp_path / name), "--jobs", "2"]) == 0
    assert len(capsys.readouterr().out) > 0
    runs = [run for run in (tmp_path / "a" / "exp").iterdir() if run.is_dir()]
    assert len(runs) == 15
    for run in runs:
        for file in ("summary.json", "spans.parquet", "requests.parquet"):
            assert (run / file).read_bytes() == (tmp_path / "b" / "exp" / run.name / file).read_bytes()


def test_dry_run_counts_and_writes_nothing(lazypull, config, tmp_path):
    path = config(matrix={"strategy": PRESETS})
    assert lazypull(path, "--dry-run") == (0, f"exp: 5 runs, 0 of them stored in {tmp_path}/out/exp\n", "")
    assert not (tmp_path / "out").exists()
    lazypull(path, "--set", "matrix.strategy=[lazy]")
    status, out, _ = lazypull(path, "--dry-run", "--json")
    assert json.loads(out) == {"experiment": "exp", "runs": 5, "stored": 1}
    assert status == 0


def break_trace(catalog):
    (catalog / "tiny" / "cold-5ms.trace" / "operations.parquet").write_bytes(b"PAR1 not really")


def lose_trace(catalog):
    (catalog / "tiny" / "cold-5ms.trace").rename(catalog / "gone")


def lose_layout_table(catalog):
    (catalog / "tiny" / "estargz.layout" / "units.parquet").unlink()


def other_trace(catalog):
    write_trace(catalog / "tiny" / "cold-5ms.trace", make_trace("throttled", content_id="sha256:" + "ab" * 32))


def other_layout(catalog):
    write_layout(catalog / "tiny" / "estargz.layout", make_layout("estargz", content_id="sha256:" + "cd" * 32), {})


def nothing(_catalog):
    pass


@pytest.mark.parametrize(
    ("damage", "override", "line"),
    [
        (nothing, "network.rat=1", "{config}: network.rat is unknown; did you mean rate?"),
        (nothing, "network.rate=0", "{config}: network.rate is 0; a rate must be more than zero, like 100 Mbit/s"),
        (
            nothing,
            "network.rate=-1 Mbit/s",
            "{config}: network.rate is '-1 Mbit/s'; a rate must be more than zero, like 100 Mbit/s",
        ),
        (nothing, "workload=tny", "workload 'tny' is not in {catalog}; did you mean 'tiny'?"),
        (
            nothing,
            "strategy=lzay",
            "strategy 'lzay' does not exist; did you mean 'lazy'? All: full, lazy, prefetch, background, clairvoyant",
        ),
        (
            nothing,
            "host=./none.json",
            "{folder}/none.json: cannot read host file (No such file or directory); pass an existing one",
        ),
        (
            nothing,
            "image.total=1kB",
            "image.total 1 kB is not above the 464 kB of the recorded image; ask for more or choose a smaller workload",
        ),
        (
            lose_trace,
            "seed=1",
            "{catalog}/tiny/cold-5ms.trace: no trace here (header.json is missing); check the path",
        ),
        (
            break_trace,
            "seed=1",
            "{catalog}/tiny/cold-5ms.trace/operations.parquet: damaged table (Parquet magic bytes not found in footer. "
            "Either the file is corrupted or this is not a parquet file.); restore the bundle or make it again",
        ),
        (
            lose_layout_table,
            "seed=1",
            "{catalog}/tiny/estargz.layout/units.parquet: table is missing; restore the bundle or make it again",
        ),
        (
            other_trace,
            "seed=1",
            "{catalog}/tiny/cold-5ms.trace was recorded on content abababababab… but {catalog}/tiny/estargz.layout has "
            "{content}…: they are not the same files; run `lazypull catalog build tiny`",
        ),
        (
            other_layout,
            "seed=1",
            "{catalog}/tiny/cold-5ms.trace was recorded on content {content}… but {catalog}/tiny/estargz.layout has "
            "cdcdcdcdcdcd…: they are not the same files; run `lazypull catalog build tiny`",
        ),
    ],
)
def test_bad_input_is_exactly_one_line_status_2_and_no_result(damage, override, line, lazypull, config):
    path = config()
    catalog, out_folder = path.parent / "catalog", path.parent / "out"
    damage(catalog)
    status, out, err = lazypull(path, "--set", override)
    content = make_layout("gzip").content_id.removeprefix("sha256:")[:12]
    assert err == f"lazypull: {line.format(config=path, catalog=catalog, folder=path.parent, content=content)}\n"
    assert (status, out) == (2, "")
    assert not out_folder.exists()


def test_a_missing_file_is_one_line(lazypull, tmp_path):
    status, _, err = lazypull(tmp_path / "none.yaml")
    assert status == 2
    assert err == (
        f"lazypull: {tmp_path}/none.yaml: cannot read experiment file (No such file or directory); check the path\n"
    )


def test_a_failed_run_gives_status_1_and_keeps_the_others(lazypull, config, monkeypatch):
    from sim.experiment import batch

    whole = batch.simulate

    def fails_for_full(case):
        if case.strategy.name == "full":
            raise ZeroDivisionError("by zero")
        return whole(case)

    monkeypatch.setattr(batch, "simulate", fails_for_full)
    status, out, err = lazypull(config(matrix={"strategy": ["full", "lazy"]}))
    assert status == 1
    assert err.startswith("lazypull: 1 of 2 runs failed, the others are stored; first: ")
    assert err.endswith(": ZeroDivisionError: by zero\n")
    assert [line.split()[1] for line in out.splitlines()[1:3]] == ["full", "lazy"]
    assert "failed" in out.splitlines()[1]


@pytest.mark.parametrize("executor", ["serial", "processes"])
def test_ctrl_c_keeps_finished_runs_ends_the_workers_and_resumes(config, tmp_path, executor):
    path = config(matrix={"network.rtt": [f"{number}ms" for number in range(60)], "strategy": PRESETS[:3]})
    # a job in the background of a script is started deaf to interrupts; this one stands for a user's
    program = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
    program += "from sim.cli.main import main; sys.exit(main())"
    command = [sys.executable, "-c", program]
    command += ["run", str(path), "--out", str(tmp_path / "out"), "--executor", executor, "--jobs", "2"]
    folder = tmp_path / "out" / "exp"
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    deadline = time.monotonic() + 60
    while not list(folder.glob("[0-9a-f]*/manifest.json")) and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)  # a terminal signals the whole group
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert (out, err.strip()) == ("", "lazypull: interrupted; what was finished is kept")
    kept = [run.name for run in folder.iterdir() if run.is_dir()]
    assert 0 < len(kept) < 180
    assert all(len(name) == 12 for name in kept)
    assert (folder / "runs.parquet").is_file()
    assert group_ends(process.pid)


def group_ends(group):
    """Nothing of a process group is left, soon."""
    for _ in range(100):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False

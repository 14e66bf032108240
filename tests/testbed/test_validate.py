"""What `validate` does around the real stack: registers first, repeats what spreads, simulates the same, resumes."""

import json
from hashlib import sha256

import pytest

from sim.cli.main import main
from sim.core.errors import BadConfig, BadInput, RunFailed
from sim.core.host import load_host
from sim.core.store import load_run
from sim.experiment import batch
from sim.experiment import plan as planning
from sim.experiment.executors import Serial
from sim.testbed import calibrate, validate
from sim.testbed.measure import measure

GRID = {"strategy": ["full", "lazy"], "network.rtt": ["0ms", "20ms"]}


@pytest.fixture
def what(config):
    return lambda *sets, **changes: validate.subject(config(**({"matrix": GRID, "replicates": 3} | changes)), sets)


@pytest.fixture
def go(tmp_path):
    """Register and measure; returns the registration's file as it is then."""

    def run(what):
        _, outcomes = validate.measure_registered(what, tmp_path, testbed="t", say=lambda _text: None)
        return outcomes, json.loads((tmp_path / "exp" / "registration.json").read_text())

    return run


def stored(folder):
    return [load_run(run).manifest for run in sorted(folder.iterdir()) if (run / "manifest.json").is_file()]


def test_what_will_be_judged_is_written_down_before_anything_is_measured(fake, what, go, config, tmp_path):
    seen = []

    def look(_task):
        seen.append((tmp_path / "exp" / "registration.json").is_file())
        return 1.0

    fake(look)
    subject = what()
    _, made = go(subject)
    assert seen == [True] * 12
    host = load_host(planning.host_file("reference", tmp_path))
    task = subject.plan.tasks[0]
    assert (made["host"], made["host_digest"], made["host_machine"]) == ("reference", host.digest, host.machine)
    assert (made["model_version"], made["commit"]) == (task.manifest.model_version, task.manifest.commit)
    assert made["experiment_digest"] == f"sha256:{sha256((tmp_path / 'config.yaml').read_bytes()).hexdigest()}"
    assert (made["cells"], made["replicates"], made["seed"]) == (4, 3, 1)
    assert "tiny · full · 100 Mbit/s, 0 ms" in made["planned"]
    assert (made["excluded"], made["real_runs_stored_before"]) == ([], 0)
    assert made["calibration_inputs"] == list(calibrate.CALIBRATION_INPUTS)
    measured = [manifest.measured_at for manifest in stored(tmp_path / "exp")]
    assert made["registered_at"] <= min(measured)  # both ISO 8601 in UTC: texts are in the order of time
    assert str(tmp_path) not in json.dumps(made)


def test_the_same_again_keeps_the_registration_and_so_does_a_part_of_it(fake, what, go, tmp_path):
    fake()
    _, first = go(what())
    file = tmp_path / "exp" / "registration.json"
    first["registered_at"] = "2026-01-01T00:00:00+00:00"  # long ago
    file.write_text(json.dumps(first))
    _, again = go(what())
    _, part = go(what("network.rtt=20ms"))
    assert first == again == part


@pytest.mark.parametrize("change", ["model", "host", "experiment", "cells"])
def test_a_later_model_cannot_pass_as_registered_in_advance(*, fake, what, go, tmp_path, monkeypatch, change):
    fake()
    _, first = go(what())
    sets, changes = [], {}
    if change == "model":
        monkeypatch.setattr(planning, "model_version", lambda: "later")
    elif change == "host":
        text = planning.host_file("reference", tmp_path).read_text()
        (tmp_path / "mine.json").write_text(text + "\n")
        sets = ["host=mine.json"]
    elif change == "experiment":
        changes = {"claim": "said differently"}
    else:
        sets = ["network.rtt=30ms"]
    _, second = go(what(*sets, **changes))
    assert second["real_runs_stored_before"] == 12
    assert second["registered_at"] >= first["registered_at"]
    assert json.loads((tmp_path / "exp" / "registration-1.json").read_text()) == first
    monkeypatch.setattr(planning, "model_version", lambda: "later still")
    go(what(*sets, **changes))
    assert json.loads((tmp_path / "exp" / "registration-2.json").read_text()) == second


def test_runs_measured_without_any_registration_are_said(fake, what, go, plan, tmp_path):
    fake()
    measure(plan(), tmp_path, testbed="t")
    assert go(what())[1]["real_runs_stored_before"] == 1


def test_a_registration_nothing_was_measured_under_is_replaced(fake, what, go, tmp_path, monkeypatch):
    def stop(_task):
        raise KeyboardInterrupt

    fake(stop)
    with pytest.raises(KeyboardInterrupt):
        go(what())
    monkeypatch.setattr(planning, "model_version", lambda: "later")
    fake()
    _, made = go(what())
    assert (made["model_version"], made["real_runs_stored_before"]) == ("later", 0)
    assert not (tmp_path / "exp" / "registration-1.json").exists()


def test_only_cells_that_spread_are_measured_again_up_to_ten_times(fake, what, go):
    def answer(task):
        slow = (task.cell.strategy.label, task.cell.network.rtt) == ("lazy", "20ms")
        return 1.0 + (0.1 if slow else 0.01) * task.cell.replicate  # CV of 1, 1.1, 1.2: 9 %; of 1, 1.01, 1.02: 1 %

    diary = fake(answer)
    outcomes, _ = go(what())
    assert [outcome.done for outcome in outcomes] == [12, 7]
    assert [entry for entry in diary if isinstance(entry, tuple) and entry[2] > 2] == [
        entry for entry in diary if isinstance(entry, tuple)
    ][-7:]
    assert {entry for entry in diary if isinstance(entry, tuple) and entry[2] > 2} == {
        ("lazy", "20ms", number) for number in range(3, 10)
    }
    assert diary[-1] == "down"
    again, _ = go(what())
    assert [(outcome.done, outcome.stored) for outcome in again] == [(0, 12), (0, 7)]


def test_the_fastest_link_is_measured_first_with_its_repetitions(fake, what, go):
    rates = {"network.rate": ["20 Mbit/s", "1000 Mbit/s", "100 Mbit/s"]}
    seen = []

    def answer(task):
        seen.append((task.cell.network.rate, task.cell.replicate))
        return 1.0 + (0.1 if task.cell.network.rate == "1000 Mbit/s" else 0.0) * task.cell.replicate

    fake(answer)
    outcomes, _ = go(what(matrix=rates))
    assert [outcome.done for outcome in outcomes] == [3, 7, 3, 3]
    assert [rate for rate, _ in seen] == ["1000 Mbit/s"] * 10 + ["100 Mbit/s"] * 3 + ["20 Mbit/s"] * 3
    assert {number for _, number in seen[3:10]} == set(range(3, 10))


def test_workloads_that_constants_were_fitted_on_are_named_and_not_scored(fake, what, go, monkeypatch):
    monkeypatch.setattr(validate, "CALIBRATION_INPUTS", ("toy",))
    diary = fake()
    both = what(matrix={"workload": ["tiny", "toy"]})
    assert {task.cell.workload for task in both.plan.tasks} == {"tiny"}
    assert go(both)[1]["excluded"] == ["toy"]
    assert len([entry for entry in diary if isinstance(entry, tuple)]) == 3
    with pytest.raises(BadConfig, match=r"config.yaml: toy: constants of the host were fitted on this"):
        what("workload=toy")


def test_no_workload_of_the_catalogue_is_a_calibration_input(monkeypatch):
    from sim.catalog.workloads import names

    monkeypatch.delenv("LAZYPULL_TRACES", raising=False)
    assert not set(names()) & set(calibrate.CALIBRATION_INPUTS)


def test_two_hosts_are_refused(fake, what, go, tmp_path):
    text = planning.host_file("reference", tmp_path).read_text()
    (tmp_path / "mine.json").write_text(text + "\n")
    diary = fake()
    with pytest.raises(BadConfig, match="one set of host constants, not 2; pass --set host=NAME"):
        go(what(matrix={"host": ["reference", "mine.json"]}))
    assert diary == []


def test_only_what_cannot_be_built_is_refused(what):
    with pytest.raises(BadConfig, match="strategy clairvoyant cannot be built; give it other cells"):
        what(matrix={"strategy": ["clairvoyant"]})


def test_the_same_cells_are_simulated_and_compared(fake, what, go, tmp_path):
    subject = what(matrix={"strategy": ["full", "lazy", "clairvoyant"]})
    with pytest.raises(BadInput, match="nothing measured here"):
        validate.simulate_and_compare(subject, tmp_path, executor=Serial(), say=lambda _text: None)
    fake()
    go(subject)
    page = validate.simulate_and_compare(subject, tmp_path, executor=Serial(), say=lambda _text: None)
    assert page.is_file()
    found = [(run.source, run.strategy, run.replicate) for run in stored(tmp_path / "exp")]
    assert sorted(found) == sorted(
        (source, strategy, number)
        for source in ("model", "real")
        for strategy in ("full", "lazy")
        for number in range(3)
    )


def test_a_simulated_run_that_fails_is_no_success(fake, what, go, tmp_path, monkeypatch):
    def fails(_case):
        raise ZeroDivisionError("by zero")

    fake()
    subject = what(matrix={"strategy": ["full", "lazy"]})
    go(subject)
    monkeypatch.setattr(batch, "simulate", fails)
    with pytest.raises(RunFailed, match=r"6 simulated runs failed, .*index\.html is without them: ZeroDivisionError"):
        validate.simulate_and_compare(subject, tmp_path, executor=Serial(), say=lambda _text: None)


def test_measuring_only_and_not_measuring_is_refused(config, capsys):
    assert main(["testbed", "validate", str(config()), "--measure-only", "--no-measure"]) == 2
    assert "leave nothing to do" in capsys.readouterr().err


def test_the_verb_says_where_the_page_is_and_fails_where_a_run_did(fake, config, capsys, tmp_path, monkeypatch):
    def answer(task):
        if task.cell.replicate == 0:
            raise RunFailed("the container ended with status 1")
        return 1.0

    fake(answer)
    arguments = ["testbed", "validate", str(config(replicates=3)), "--out", str(tmp_path / "out")]
    assert main([*arguments, "--measure-only"]) == 1
    said = capsys.readouterr()
    assert "2 runs measured, 0 stored before, 1 failed" in said.out
    assert "1 runs failed; each says why in its manifest" in said.err
    fake()
    assert main(arguments) == 0
    said = capsys.readouterr()
    assert "1 runs measured, 2 stored before, 0 failed" in said.out
    assert (tmp_path / "out" / "exp" / "validation-page" / "index.html").is_file()
    monkeypatch.setattr(validate, "measure_registered", None)
    assert main([*arguments, "--no-measure"]) == 0

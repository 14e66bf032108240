"""Samples of a grid: what is always there, how many there are, what overrides do, and one line for every mistake."""

import collections
from pathlib import Path

import pytest
import yaml

from sim.core.errors import BadConfig
from sim.experiment.load import load_experiment

AXES = {"workload": ["a", "b"], "network.rate": ["1 Mbit/s", "2 Mbit/s", "3 Mbit/s"], "network.rtt": ["1ms", "2ms"]}
VALIDATION = Path(__file__).resolve().parents[2] / "experiments" / "validation" / "config.yaml"


@pytest.fixture
def file(tmp_path):
    def write(*samples, **changes):
        path = tmp_path / "config.yaml"
        grids = [AXES | ({} if sample is None else {"sample": sample}) for sample in samples]
        whole = {"name": "x", "workload": "a", "strategy": "lazy", "matrix": grids} | changes
        path.write_text(yaml.safe_dump(whole, sort_keys=False))
        return path

    return write


def rows(path, *sets):
    return [(cell.workload, cell.network.rate, cell.network.rtt) for cell in load_experiment(path, sets).cells]


def test_what_matches_always_is_kept_and_the_rest_is_drawn_in_the_order_of_the_file(file):
    every = rows(file(None))
    assert len(every) == 12
    made = rows(file({"cells": 7, "seed": 3, "always": {"network.rate": "2 Mbit/s", "network.rtt": "2ms"}}))
    assert len(made) == len(set(made)) == 7
    assert {("a", "2 Mbit/s", "2ms"), ("b", "2 Mbit/s", "2ms")} <= set(made)
    assert made == [row for row in every if row in made]


def test_the_draw_depends_on_the_seed_alone(file):
    one, same, other = (rows(file({"cells": 6, "seed": seed})) for seed in (5, 5, 6))
    assert one == same
    assert one != other


def test_every_combination_is_as_likely_as_any_other(file):
    """Over 600 seeds each of 12 combinations is one of 3 drawn in a quarter of them: 150 ± 5 standard deviations."""
    drawn = collections.Counter(row for seed in range(600) for row in rows(file({"cells": 3, "seed": seed})))
    assert len(drawn) == 12
    assert all(abs(count - 150) < 5 * (600 * 0.25 * 0.75) ** 0.5 for count in drawn.values())


def test_a_chosen_combination_has_all_its_replicates_whatever_their_number(file):
    sample = {"cells": 4, "seed": 1}
    once = rows(file(sample))
    assert rows(file(sample, replicates=3)) == [row for row in once for _ in range(3)]


def test_a_sample_is_no_axis(file):
    assert load_experiment(file({"cells": 4, "seed": 1})).varied == tuple(AXES)


def test_each_grid_has_its_own_sample(file):
    assert len(rows(file({"cells": 4, "seed": 1}, None, {"cells": 2, "seed": 1}))) == 4 + 12 + 2


def test_overrides_leave_the_sample_what_they_leave_of_the_grid(file):
    whole = rows(file(None), "network.rate=2 Mbit/s")
    path = file({"cells": 5, "seed": 1, "always": {"network.rate": "2 Mbit/s"}})
    assert len(rows(path, "workload=b")) == 5  # of 6
    assert rows(path, "network.rate=2 Mbit/s") == whole  # fixed to what is always kept: all 4 are
    assert len(rows(path, "network.rate=9 Mbit/s")) == 4  # fewer than 5 are left: all
    made = rows(path, "matrix.network.rtt=[1ms, 2ms, 3ms, 4ms]")  # of 24, and 8 match: more than asked for
    assert {rate for _, rate, _ in made} == {"2 Mbit/s"}
    assert len(made) == 8


@pytest.mark.parametrize(
    ("sample", "message"),
    [
        (7, "is 7; write it like {cells: 20, seed: 1, always: {network.rtt: 20ms}}"),
        ({"cells": 3}, ".seed is None; it must be a whole number from 0"),
        ({"cells": 0, "seed": 1}, ".cells is 0; it must be a whole number from 1"),
        ({"cells": True, "seed": 1}, ".cells is True; it must be a whole number from 1"),
        ({"cells": 3.0, "seed": 1}, ".cells is 3.0; it must be a whole number from 1"),
        ({"cells": 3, "sed": 1}, ".sed is unknown; it has cells, seed, always"),
        ({"cells": 3, "seed": 1, "always": ["a"]}, ".always is ['a']; it must be a mapping from dotted keys to one"),
        ({"cells": 13, "seed": 1}, ".cells is 13, but the grid has 12 combinations; ask for fewer or leave sample out"),
        (
            {"cells": 3, "seed": 1, "always": {"strategy": "lazy"}},
            ".always.strategy is not varied by this grid; it varies workload, network.rate, network.rtt",
        ),
        (
            {"cells": 3, "seed": 1, "always": {"network.rate": "2Mbit/s"}},
            ".always.network.rate is '2Mbit/s', which is not among the grid's values; write it as it is there",
        ),
        (
            {"cells": 3, "seed": 1, "always": {"network.rate": "2 Mbit/s"}},
            ".cells is 3, but 4 combinations match always; ask for at least as many",
        ),
    ],
)
def test_a_mistake_is_one_line(file, sample, message):
    path = file(sample)
    with pytest.raises(BadConfig) as caught:
        load_experiment(path)
    assert str(caught.value).startswith(f"{path}: matrix.sample{'' if message.startswith('.') else ' '}{message}")
    assert "\n" not in str(caught.value)


def test_the_validation_has_its_cells():
    cells = load_experiment(VALIDATION).cells
    assert {cell.replicate for cell in cells} == {0, 1, 2}
    one = [cell for cell in cells if cell.replicate == 0]
    assert collections.Counter(cell.workload == "tensorflow" for cell in one) == {False: 54, True: 8}
    reference = {
        (cell.workload, cell.strategy.like)
        for cell in one
        if (cell.network.rate, cell.network.rtt) == ("100 Mbit/s", "20ms")
    }
    presets = ("full", "lazy", "prefetch", "background")
    assert reference == {(w, s) for w in ("web", "numpy", "postgres", "tensorflow") for s in presets}

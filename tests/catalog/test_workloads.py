"""Where a workload's data lie, and what a stranger is told when they do not lie there."""

import shutil
from pathlib import Path

import pytest

from sim.catalog import names, workload
from sim.catalog.build import built_layers, lowers
from sim.catalog.cache import cached_layers, new_folder
from sim.catalog.workloads import FOLDER_VARIABLE, recipe
from sim.core.errors import BadInput
from sim.core.tree import Tree


def test_a_workload_says_what_runs_and_where_its_data_lie(tiny: Path, tiny_tree: Tree) -> None:
    assert names() == ("tiny",)
    found = workload("tiny")
    assert found.command == ("/bin/sh", "/srv/hello")
    assert found.content_id == tiny_tree.content_id
    assert found.layouts["estargz-landmark"] == tiny / "estargz-landmark.layout"
    assert found.traces == {"throttled": tiny / "cold-5ms.trace", "local": tiny / "local-0ms.trace"}


@pytest.mark.usefixtures("tiny")
def test_an_unknown_workload_names_the_nearest() -> None:
    with pytest.raises(BadInput, match="did you mean 'tiny'"):
        workload("tinny")


def test_a_workload_without_data_says_how_to_build_it(tiny: Path) -> None:
    shutil.rmtree(tiny / "tree")
    with pytest.raises(BadInput, match="lazypull catalog build tiny"):
        workload("tiny")


def test_no_catalog_says_which_variable_to_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "nowhere"))
    with pytest.raises(BadInput, match=FOLDER_VARIABLE):
        names()


@pytest.mark.usefixtures("tiny")
def test_layers_that_are_not_built_here_say_so() -> None:
    with pytest.raises(BadInput, match="not built here"):
        lowers("tiny")


def test_built_layers_are_found_lowest_first(tiny: Path) -> None:
    for layer in cached_layers(recipe("tiny"), tiny):
        layer.root.mkdir(parents=True)
    assert [layer.root for layer in built_layers("tiny")] == lowers("tiny")


def test_a_layer_is_kept_under_all_that_goes_into_it_and_below_it(tiny: Path) -> None:
    before = cached_layers(recipe("tiny"), tiny)
    (tiny / "hello").write_bytes(b"echo other")
    after = cached_layers(recipe("tiny"), tiny)
    assert before[0] == after[0]
    assert before[1] != after[1]
    text = (tiny / "recipe.yaml").read_text()
    (tiny / "recipe.yaml").write_text(text.replace("minbase", "apt"))
    assert all(old != new for old, new in zip(after, cached_layers(recipe("tiny"), tiny), strict=True))


def test_a_folder_that_failed_is_not_left_behind(tmp_path: Path) -> None:
    def fail() -> None:
        with new_folder(tmp_path / "out") as folder:
            (folder / "half").touch()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert list(tmp_path.iterdir()) == []

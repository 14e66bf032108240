"""A recipe that is wrong is answered with one line that names the field and the mend."""

from pathlib import Path

import pytest

from sim.catalog.recipe import read_recipe
from sim.core.errors import BadInput
from tests.catalog.conftest import RECIPE


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("title: two files", "titel: two files", "titel"),
        ("epoch: 1000", "epoch: soon", "epoch"),
        ("command: [/bin/sh, /srv/hello]", "command: []", "command is empty"),
        ("name: tiny\n", "name: large\n", "differs from its folder"),
        ("    bootstrap: {suite: bookworm, variant: minbase}\n", "", "no bootstrap"),
        ("    copy:", "    bootstrap: {suite: bookworm, variant: minbase}\n    copy:", "only the first layer"),
        ("variant: minbase}\n", "variant: minbase}\n    run: ['true']\n", "steps beside its bootstrap"),
        ("    copy:", "    remove: [../../etc]\n    copy:", "reaches outside"),
        ("    copy:", "    remove: [/dev/sda]\n    copy:", "reaches outside"),
        ("title: two files", "title: [", "not YAML"),
    ],
)
def test_wrong_recipe_is_refused_in_one_line(tmp_path: Path, old: str, new: str, words: str) -> None:
    file = tmp_path / "tiny" / "recipe.yaml"
    file.parent.mkdir()
    assert old in RECIPE
    file.write_text(RECIPE.replace(old, new, 1))
    with pytest.raises(BadInput, match=r"recipe\.yaml") as caught:
        read_recipe(file)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_recipe_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot read recipe"):
        read_recipe(tmp_path / "recipe.yaml")

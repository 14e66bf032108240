"""Estimated layouts against layers that were really written: the quick form of `make bench`'s twenty candidates."""

import pytest

from tests.formats.candidates import compare, random_candidates, skip_unless_built

SIZE_BAR, READY_BAR = 0.01, 0.02  # of the issue


@pytest.mark.parametrize(("name", "seed"), [("web", 1), ("numpy", 2)])
def test_a_random_candidate_is_estimated_as_it_is_written(name, seed, tmp_path):
    skip_unless_built(name)
    (asked,) = random_candidates([name], 1, seed)
    compared = compare(asked, tmp_path)
    print(compared)
    assert abs(compared.size_error) <= SIZE_BAR
    assert abs(compared.ready_error) <= READY_BAR

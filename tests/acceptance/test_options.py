"""The option sets cover what they are said to cover."""

from itertools import combinations, product

from tests.acceptance.options import PAIRWISE, SLICE

SETTINGS = ("format", "chunk_size_bytes", "min_chunk_size_bytes", "level", "landmark")


def test_any_two_settings_meet():
    for one, other in combinations(SETTINGS, 2):
        met = {(getattr(row, one), getattr(row, other)) for row in PAIRWISE}
        wanted = product(*({getattr(row, name) for row in PAIRWISE} for name in (one, other)))
        assert met == set(wanted), (one, other)


def test_each_setting_has_at_least_two_values_and_the_slice_is_of_the_set():
    assert all(len({getattr(row, name) for row in PAIRWISE}) >= 2 for name in SETTINGS)
    assert set(SLICE) <= set(PAIRWISE)
    assert len({row.name for row in PAIRWISE}) == len(PAIRWISE)

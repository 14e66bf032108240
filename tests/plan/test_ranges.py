"""Regions: numbers one can count on fingers, and the stargz default of 50,000 bytes."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from sim.plan.ranges import merge_adjacent, missing, to_regions


def test_a_read_is_widened_to_whole_regions():
    assert to_regions(49_999, 2, 120_000, 50_000) == (0, 1)
    assert to_regions(50_000, 50_000, 120_000, 50_000) == (1, 1)
    assert to_regions(100_000, 99_999, 120_000, 50_000) == (2, 2)


def test_nothing_needs_no_region():
    for offset, length in [(0, 0), (120_000, 1), (500_000, 10)]:
        first, last = to_regions(offset, length, 120_000, 50_000)
        assert list(range(first, last + 1)) == []


def test_neighbours_become_one_range_and_the_last_is_cut():
    assert merge_adjacent([0, 1, 4], 10, 45) == [(0, 19), (40, 44)]
    assert merge_adjacent([2], 10, 45) == [(20, 29)]
    assert merge_adjacent([], 10, 45) == []


@given(st.binary(min_size=1, max_size=40).map(lambda raw: bytearray(byte & 1 for byte in raw)), st.data())
def test_every_missing_byte_is_fetched_once_and_no_other(present, data):
    size = data.draw(st.integers(10 * (len(present) - 1) + 1, 10 * len(present)))
    first = data.draw(st.integers(0, len(present) - 1))
    last = data.draw(st.integers(first - 1, len(present) - 1))
    ranges = merge_adjacent(missing(present, first, last), 10, size)
    fetched = [byte for start, end in ranges for byte in range(start, end + 1)]
    wanted = [byte for byte in range(size) if first <= byte // 10 <= last and not present[byte // 10]]
    assert fetched == wanted
    assert all(after[0] - before[1] > 1 for before, after in pairwise(ranges))

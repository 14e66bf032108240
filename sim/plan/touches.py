"""Which reads may have to fetch: those with a unit that none of their ancestors touched."""

import numpy as np

from sim.plan.forest import BoolColumn, Forest, IntColumn
from sim.plan.reads import Reads


def may_miss(row: IntColumn, reads: Reads, before: IntColumn, forest: Forest, units: int) -> BoolColumn:
    """Say for each read whether one of its units was touched by none of its ancestors.

    row: of each read, in the forest; before: its predecessor there; units: how many the layout has.
    Round by round, the first read of each unit covers those that come after it in the forest. Whatever is
    first among the uncovered has no ancestor that touched the unit, so a round settles at least one read a unit.
    """
    unit = reads.units
    read = reads.owners()
    place, end = forest.place[row + 1], forest.end[row + 1]
    asked = forest.place[before + 1]
    covers = forest.followed[row + 1]
    found = np.zeros(len(row), dtype=np.bool_)
    while len(unit):
        candidate = np.flatnonzero(covers[read])[::-1]  # backwards: of repeated indices the last assignment stays
        first = np.full(units, -1, dtype=np.int64)
        first[unit[candidate]] = read[candidate]
        first_place = np.where(first >= 0, place[first], 0)  # by unit: a small table is quick to look up
        first_end = np.where(first >= 0, end[first], 0)
        here = asked[read]
        left = np.flatnonzero((here < first_place[unit]) | (here >= first_end[unit]))
        unit, read = unit[left], read[left]
        mine = first[unit]
        settled = (mine == read) | (mine < 0)
        found[read[settled]] = True
        unit, read = unit[~settled], read[~settled]
    return found


def units_of(reads: Reads, chosen: IntColumn) -> tuple[IntColumn, IntColumn]:
    """Slices and units of the chosen reads, each unit once a read, in file order."""
    counts = np.diff(reads.unit_start)[chosen]
    owner = np.repeat(np.arange(len(chosen)), counts)
    at = np.arange(len(owner)) + np.repeat(reads.unit_start[chosen] - (np.cumsum(counts) - counts), counts)
    unit = reads.units[at]
    _, first = np.unique(owner * (1 + unit.max(initial=0)) + unit, return_index=True)
    first.sort()
    start = np.zeros(len(chosen) + 1, dtype=np.int64)
    np.cumsum(np.bincount(owner[first], minlength=len(chosen)), out=start[1:])
    return start, unit[first]

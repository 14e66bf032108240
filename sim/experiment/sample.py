"""A grid of an experiment file, and the seeded sample of it that is run when all of it would take too long."""

import itertools
import math
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sim.core.errors import BadConfig

SAMPLE_KEY = "sample"
_SAMPLE_KEYS = ("cells", "seed", "always")

Combination = dict[str, Any]  # dotted path → value as it was written


@dataclass(frozen=True, slots=True)
class Sample:
    """How many combinations of a grid are run: all that match `always`, the others drawn by `seed`.

    always: dotted path → value as it was written; empty matches nothing.
    """

    cells: int
    seed: int
    always: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Grid:
    """Axes, dotted path → values; `--set` changes them in place. sample: None runs every combination."""

    axes: dict[str, list[Any]]
    sample: Sample | None = None

    @property
    def size(self) -> int:
        """How many combinations the axes have, drawn or not."""
        return math.prod(map(len, self.axes.values()))

    def combinations(self, fixed: Mapping[str, Any]) -> list[Combination]:
        """What is run, in the order of the file. fixed: what `--set` holds everywhere; `always` looks there as well.

        The draw is `random.Random(seed).sample` over positions: the same on every machine. Where overrides left fewer
        combinations than the sample asks for, all are run.
        """
        every = [dict(zip(self.axes, values, strict=True)) for values in itertools.product(*self.axes.values())]
        if self.sample is None:
            return every
        held = [number for number, found in enumerate(every) if _matches(self.sample.always, {**found, **fixed})]
        rest = sorted(set(range(len(every))) - set(held))
        wanted = min(len(rest), max(0, self.sample.cells - len(held)))
        drawn = random.Random(self.sample.seed).sample(rest, wanted)
        return [every[number] for number in sorted([*held, *drawn])]


def make_grid(where: str, raw: Mapping[str, Any]) -> Grid:
    """Split a grid of the file into axes and sample. where: begins errors. Raises `BadConfig` for a wrong sample."""
    axes = {str(key): values for key, values in raw.items() if key != SAMPLE_KEY}
    if SAMPLE_KEY not in raw:
        return Grid(axes)
    grid = Grid(axes, _sample(f"{where}.{SAMPLE_KEY}", raw[SAMPLE_KEY]))
    for mistake in _mistakes(grid):
        raise BadConfig(f"{where}.{SAMPLE_KEY}.{mistake}")
    return grid


def _sample(where: str, raw: Any) -> Sample:
    if not isinstance(raw, dict):
        raise BadConfig(f"{where} is {raw!r}; write it like {{cells: 20, seed: 1, always: {{network.rtt: 20ms}}}}")
    for key in raw:
        if key not in _SAMPLE_KEYS:
            raise BadConfig(f"{where}.{key} is unknown; it has {', '.join(_SAMPLE_KEYS)}")
    for key, least in (("cells", 1), ("seed", 0)):
        value = raw.get(key)
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise BadConfig(f"{where}.{key} is {value!r}; it must be a whole number from {least}")
    always = raw.get("always", {})
    if not isinstance(always, dict):
        raise BadConfig(f"{where}.always is {always!r}; it must be a mapping from dotted keys to one value each")
    return Sample(raw["cells"], raw["seed"], always)


def _mistakes(grid: Grid) -> Iterator[str]:
    """What of a sample does not go with its grid as the file has it, the rest of a line each."""
    sample = grid.sample
    if sample is None:
        return
    for key, value in sample.always.items():
        if key not in grid.axes:
            yield f"always.{key} is not varied by this grid; it varies {', '.join(grid.axes) or 'nothing'}"
        elif value not in grid.axes[key]:
            yield f"always.{key} is {value!r}, which is not among the grid's values; write it as it is there"
    if sample.cells > grid.size:
        yield f"cells is {sample.cells}, but the grid has {grid.size} combinations; ask for fewer or leave sample out"
    always = math.prod(len(values) for key, values in grid.axes.items() if key not in sample.always)
    if sample.always and sample.cells < always:
        yield f"cells is {sample.cells}, but {always} combinations match always; ask for at least as many"


def _matches(always: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    return bool(always) and all(key in values and values[key] == value for key, value in always.items())

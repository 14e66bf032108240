"""From an experiment file to its cells: YAML, `--set`, `matrix:`, replicates; every mistake is one line."""

import difflib
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from sim.core.errors import BadConfig
from sim.experiment.config import Cell
from sim.experiment.sample import SAMPLE_KEY, Grid, make_grid

MAX_CELLS = 100_000
_NOT_IN_A_CELL = ("matrix", "replicates")


@dataclass(frozen=True, slots=True)
class Experiment:
    """A checked experiment file.

    cells: one a run, in the order of the file; several grids may give the same one twice.
    varied: dotted paths that grids vary. folder: of the file; relative paths in it start here.
    """

    name: str
    claim: str
    cells: tuple[Cell, ...]
    varied: tuple[str, ...]
    folder: Path


def load_experiment(path: Path, sets: Sequence[str] = ()) -> Experiment:
    """Read an experiment file and apply `a.b=value` overrides. Raises `BadConfig`.

    An override of a path that a matrix varies fixes it; `matrix.a.b=[…]` gives the matrix other values.
    """
    return make_experiment(_read(path), path, sets)


def make_experiment(values: Mapping[str, Any], path: Path, sets: Sequence[str] = ()) -> Experiment:
    """Check what an experiment file holds; `path` is named in errors, and its folder is where hosts are looked for."""
    raw = _copy(dict(values))
    grids = _grids(path, raw.pop("matrix", {}))
    fixed: dict[str, Any] = {}
    for text in sets:
        key, value = _override(text, grids)
        if key == "replicates":
            raw[key] = value
        elif not key.startswith("matrix."):
            fixed[key] = value
    replicates = raw.pop("replicates", 1)
    if not isinstance(replicates, int) or isinstance(replicates, bool) or replicates < 1:
        raise BadConfig(f"{path}: replicates is {replicates!r}; it must be a whole number from 1")
    cells = tuple(_cell(path, cell) for cell in _expand(path, raw, grids, fixed, replicates))
    varied = tuple(dict.fromkeys(key for grid in grids for key in grid.axes))
    return Experiment(cells[0].name, cells[0].claim, cells, varied, path.parent)


def _read(path: Path) -> dict[str, Any]:
    try:
        raw = yaml.safe_load(path.read_text())
    except OSError as error:
        raise BadConfig(f"{path}: cannot read experiment file ({error.strerror}); check the path") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise BadConfig(f"{path}: not YAML ({' '.join(str(error).split())}); mend the file") from None
    if not isinstance(raw, dict) or not all(isinstance(key, str) for key in raw):
        raise BadConfig(f"{path}: an experiment file is a mapping of keys; see docs/results.md for an example")
    return raw


def _grids(path: Path, matrix: Any) -> list[Grid]:
    grids = matrix if isinstance(matrix, list) else [matrix]
    for grid in grids:
        if not isinstance(grid, dict):
            raise BadConfig(f"{path}: matrix is a mapping from dotted keys to lists of values, or a list of those")
        for key, values in grid.items():
            if key == SAMPLE_KEY:
                continue
            if not isinstance(values, list) or not values:
                raise BadConfig(f"{path}: matrix.{key} must be a list with at least one value")
            if key == "name" or str(key).split(".")[0] in _NOT_IN_A_CELL:
                raise BadConfig(f"{path}: matrix.{key} cannot be varied; it belongs to the whole experiment")
    return [make_grid(f"{path}: matrix", grid) for grid in grids]


def _override(text: str, grids: list[Grid]) -> tuple[str, Any]:
    """Key and value of one `--set`; grids no longer vary what it fixes, or vary it as it says."""
    key, equals, value_text = text.partition("=")
    if not equals or not key:
        raise BadConfig(f"--set {text}: write it as key=value, like network.rate='50 Mbit/s'")
    try:
        value = yaml.safe_load(value_text)
    except yaml.YAMLError:
        raise BadConfig(f"--set {text}: the value is not YAML; quote it") from None
    path, dot, varied = key.partition(".")
    if path != "matrix":
        for grid in grids:
            grid.axes.pop(key, None)
        return key, value
    if not dot or not isinstance(value, list) or not value:
        raise BadConfig(f"--set {text}: write it like matrix.network.rate=[20 Mbit/s, 100 Mbit/s]")
    for grid in grids:
        grid.axes[varied] = value
    return key, value


def _expand(
    path: Path, raw: dict[str, Any], grids: list[Grid], fixed: dict[str, Any], replicates: int
) -> Iterator[dict[str, Any]]:
    """Every cell of every grid; what `--set` fixes is put in last and so holds everywhere."""
    total = replicates * sum(grid.size for grid in grids)
    if total > MAX_CELLS:
        raise BadConfig(f"{path}: the matrix has {total} runs, at most {MAX_CELLS} are allowed; split the file")
    for grid in grids:
        for combination in grid.combinations(fixed):
            for replicate in range(replicates):
                cell = _copy(raw) | {"replicate": replicate}
                for key, value in itertools.chain(combination.items(), fixed.items()):
                    _put(cell, key, value)
                yield cell


def _put(raw: dict[str, Any], key: str, value: Any) -> None:
    *parents, last = key.split(".")
    for name in parents:
        below = raw.get(name)
        if name == "strategy" and isinstance(below, str):
            below = raw[name] = {"like": below}
        if below is None:
            below = raw[name] = {}
        if not isinstance(below, dict):
            raise BadConfig(f"{key}: cannot be set, since {name} is {below!r} and not a mapping; mend the file")
        raw = below
    raw[last] = value


def _copy(value: Any) -> Any:
    return {key: _copy(below) for key, below in value.items()} if isinstance(value, dict) else value


def _cell(path: Path, values: dict[str, Any]) -> Cell:
    try:
        return Cell.model_validate({key: value for key, value in values.items() if value is not None})
    except ValidationError as error:
        raise BadConfig(f"{path}: {_explain(error)}") from None


def _explain(error: ValidationError) -> str:
    """Say the first mistake in one line; an unknown key comes before others, since it often causes them."""
    mistakes = error.errors(include_url=False)
    first = next((mistake for mistake in mistakes if mistake["type"] == "extra_forbidden"), mistakes[0])
    where = ".".join(str(part) for part in first["loc"])
    match first["type"]:
        case "extra_forbidden":
            known = _known_keys(first["loc"][:-1])
            near = difflib.get_close_matches(str(first["loc"][-1]), known, n=1, cutoff=0.0)
            return f"{where} is unknown; did you mean {near[0]}?"
        case "missing":
            return f"{where} is missing; give it a value"
        case "value_error":
            reason = str(first["ctx"]["error"])
            return f"{where}{'' if reason.startswith(':') else ' '}{reason}"
        case "model_type":
            return f"{where} is {first['input']!r}; it must be a mapping of keys"
        case _:
            message = first["msg"][0].lower() + first["msg"][1:]
            return f"{where} is {first['input']!r}; {message}"


def _known_keys(parents: tuple[int | str, ...]) -> list[str]:
    """Keys allowed at a place in the file."""
    model: Any = Cell
    for name in parents:
        if isinstance(name, str):
            model = _model_in(model.model_fields[name].annotation)
    extra = _NOT_IN_A_CELL if model is Cell else ()
    return [*model.model_fields, *extra]


def _model_in(annotation: Any) -> type[BaseModel]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found: type[BaseModel] = next(part for part in annotation.__args__ if isinstance(part, type))
    return found

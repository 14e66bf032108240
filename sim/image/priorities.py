"""Which files of an image go before the landmark of which layer: as a trace read them, or as a list names them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sim.core.bundle import rows
from sim.core.errors import BadInput, ContentMismatch
from sim.core.trace import Trace
from sim.core.tree import Tree
from sim.image.paths import MergedFiles
from sim.plan.priorities import READING, paths_by_layer

SHOWN = 3  # names of missing files in a message


@dataclass(frozen=True, slots=True)
class Priorities:
    """Paths of each layer, bottom first, in order of need; and those that are nowhere in the image."""

    by_layer: tuple[tuple[str, ...], ...]
    missing: tuple[str, ...] = ()


def of_trace(trace: Trace, tree: Tree, layers: int, *, allow_missing: bool) -> Priorities:
    """Files a trace opened or read, each in the layer it was read from.

    allow_missing: take a trace of other content as a mere list of paths; else it is refused. Raises `ContentMismatch`.
    """
    if trace.header.content_id == tree.content_id:
        listed = paths_by_layer(trace, tree)
        return Priorities(tuple(map(tuple, [*listed, *([] for _ in range(layers - len(listed)))])))
    if not allow_missing:
        raise ContentMismatch(
            f"the trace of {trace.header.workload} was recorded on content {trace.header.content_id}, the image has"
            f" {tree.content_id}: not the same files; record it again, or pass --allow-missing to use what still fits"
        )
    reading = (row["path"] for row in rows(trace.operations, "kind", "path") if row["kind"] in READING)
    return of_paths(reading, tree, layers, allow_missing=True)


def of_paths(paths: Iterable[str], tree: Tree, layers: int, *, allow_missing: bool) -> Priorities:
    """Paths of the image as a container sees it, each in the layer that shows it; links and what they lead to.

    Raises `BadInput` for a missing one, unless `allow_missing`.
    """
    merged = MergedFiles(tree, layers)
    listed: list[dict[str, None]] = [{} for _ in range(layers)]
    missing: dict[str, None] = {}
    for name in dict.fromkeys(paths):
        touched = merged.follow(name)
        if touched is None:
            missing[name] = None
        for layer, path in touched or ():
            listed[layer].setdefault(path)
    if missing and not allow_missing:
        names = ", ".join(repr(name[:80]) for name in [*missing][:SHOWN]) + ("…" if len(missing) > SHOWN else "")
        raise BadInput(
            f"{len(missing)} of the files to go first are not in the image: {names};"
            " correct the list or pass --allow-missing"
        )
    return Priorities(tuple(tuple(paths) for paths in listed), tuple(missing))


def read_list(arguments: Sequence[str]) -> list[str]:
    """Paths from arguments; `@FILE` stands for the lines of a file. Raises `BadInput`."""
    paths: list[str] = []
    for argument in arguments:
        if not argument.startswith("@"):
            paths.append(argument)
            continue
        file = Path(argument[1:])
        try:
            lines = file.read_text().splitlines()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not text"
            raise BadInput(
                f"{file}: cannot read the list of files ({reason}); pass a file of one path a line"
            ) from None
        paths += [line for line in lines if line.strip()]
    return paths

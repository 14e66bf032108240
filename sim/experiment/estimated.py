"""From a cell's `layout:` to the options of an estimated layout: which recording, which files, in which order."""

from pathlib import Path

from sim.catalog import Workload
from sim.core.trace import Trace
from sim.core.tree import Tree
from sim.experiment.config import LandmarkConfig, LayoutConfig
from sim.plan.layout_options import LayoutOptions
from sim.plan.priorities import accessed_files, by_layer
from sim.strategy import Strategy

WITH_LANDMARK = "estargz-landmark"  # the format whose catalog layout has the throttled recording's files in front


def is_estimated(strategy: Strategy, config: LayoutConfig) -> bool:
    """Whether a strategy runs on an estimated layout: an eStargz one for which another than the catalog's was asked."""
    return strategy.format != "gzip" and not config.as_recorded


def landmark_of(config: LayoutConfig, format_name: str) -> LandmarkConfig | None:
    """What lies before the landmark, None for nothing; where the config does not say, as in the catalog's layout."""
    if config.landmark is None:
        return LandmarkConfig() if format_name == WITH_LANDMARK else None
    return config.landmark if config.landmark.share > 0 else None


def recording_of(workload: Workload, name: str) -> Path:
    """The recording that a landmark's files are taken from."""
    return workload.second_trace if name == "second" else workload.traces[name]


def layout_options(
    config: LayoutConfig, landmark: LandmarkConfig | None, trace: Trace | None, tree: Tree
) -> LayoutOptions:
    """Options for `estimate_layout`. trace: the landmark's recording, needed where there is a landmark."""
    if landmark is None or trace is None:
        return config.options()
    chosen = arranged(accessed_files(trace, tree), landmark, tree)
    return config.options(tuple(tuple(paths) for paths in by_layer(chosen, tree.layers)))


def arranged(accessed: list[tuple[int, str]], landmark: LandmarkConfig, tree: Tree) -> list[tuple[int, str]]:
    """The share of the files that was accessed first, arranged as asked. accessed: layer and path, by first access."""
    chosen = accessed[: round(landmark.share * len(accessed))]
    match landmark.order:
        case "access":
            return chosen
        case "path":
            return sorted(chosen, key=lambda file: file[1])
        case "size":
            columns = (tree.files.column(name).to_pylist() for name in ("layer", "path", "size"))
            size = {(layer, path): count for layer, path, count in zip(*columns, strict=True)}
            return sorted(chosen, key=lambda file: (size[file], file[1]))

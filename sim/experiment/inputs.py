"""Loaded bundles, padded images and compiled programs: each is made once and handed around."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sim.catalog import Workload
from sim.core.blocks import Blocks, read_blocks
from sim.core.bundle import HEADER_FILE, bundle_digest
from sim.core.errors import BadBundle, ContentMismatch
from sim.core.layout import Layout, read_layout
from sim.core.program import Program
from sim.core.trace import Trace, read_trace
from sim.core.tree import Tree, read_tree
from sim.experiment.config import Cell, ImageConfig, LayoutConfig
from sim.experiment.estimated import is_estimated, landmark_of, layout_options, recording_of
from sim.experiment.padded_layout import pad_layout
from sim.experiment.padded_trace import pad_trace
from sim.experiment.padding import Padding, PaddingRequest, plan_padding
from sim.plan.columns import LayoutColumns, layout_columns
from sim.plan.compile import compile_program
from sim.plan.estimate import estimate_layout
from sim.plan.layout_options import LayoutOptions
from sim.plan.plain import way_s, without_recorder
from sim.strategy import Strategy


@dataclass(frozen=True, slots=True)
class Image:
    """What one run starts: the layout a strategy uses and the recorded program compiled against it."""

    columns: LayoutColumns
    program: Program
    readiness: str


@dataclass(frozen=True)
class Inputs:
    """Everything read or derived so far, by what it was made from. One object a batch."""

    _layouts: dict[Path, Layout] = field(default_factory=dict)
    _traces: dict[Path, Trace] = field(default_factory=dict)
    _trees: dict[Path, Tree] = field(default_factory=dict)
    _blocks: dict[Path, Blocks] = field(default_factory=dict)
    _digests: dict[Path, str] = field(default_factory=dict)
    _paddings: dict[Any, Padding] = field(default_factory=dict)
    _images: dict[Any, Image] = field(default_factory=dict)
    _ways_s: dict[str, float] = field(default_factory=dict)

    def layout(self, path: Path) -> Layout:
        """Read a layout bundle. Raises `BadBundle`."""
        if path not in self._layouts:
            self._layouts[path] = read_layout(path)
        return self._layouts[path]

    def trace(self, path: Path) -> Trace:
        """Read a trace bundle. Raises `BadBundle`, also when events were lost while recording."""
        if path not in self._traces:
            trace = read_trace(path)
            if not trace.header.whole:
                raise BadBundle(f"{path}: {trace.header.events_lost} events were lost in recording; record it again")
            self._traces[path] = trace
        return self._traces[path]

    def tree(self, path: Path) -> Tree:
        """Read a tree bundle. Raises `BadBundle`."""
        if path not in self._trees:
            self._trees[path] = read_tree(path)
        return self._trees[path]

    def blocks(self, path: Path) -> Blocks:
        """Read a bundle of measured blocks. Raises `BadBundle`."""
        if path not in self._blocks:
            self._blocks[path] = read_blocks(path)
        return self._blocks[path]

    def digest(self, path: Path) -> str:
        """Digest of a bundle that was read."""
        if path not in self._digests:
            self._digests[path] = bundle_digest(path)
        return self._digests[path]

    def check_same_content(self, workload: Workload, trace: Path, layout: Path) -> None:
        """Raise `ContentMismatch` unless trace and layout belong to the same files."""
        recorded, laid_out = self.trace(trace).header.content_id, self.layout(layout).content_id
        if recorded != laid_out:
            raise ContentMismatch(
                f"{trace} was recorded on content {_short(recorded)} but {layout} has {_short(laid_out)}: they are "
                f"not the same files; run `lazypull catalog build {workload.name}`"
            )

    def check_blocks(self, workload: Workload) -> None:
        """Raise `BadBundle` or `ContentMismatch` unless blocks were measured of the files of the gzip layout."""
        if not (workload.blocks / HEADER_FILE).exists():
            raise BadBundle(
                f"{workload.blocks}: blocks were not measured, which `layout:` needs; "
                f"run `lazypull catalog build {workload.name} --stage blocks`"
            )
        measured, laid_out = (
            self.blocks(workload.blocks).content_id,
            self.layout(workload.layouts["gzip"]).content_id,
        )
        if measured != laid_out:
            raise ContentMismatch(
                f"{workload.blocks} was measured on content {_short(measured)} but the gzip layout has "
                f"{_short(laid_out)}; run `lazypull catalog build {workload.name} --stage blocks`"
            )

    def padding(self, workload: Workload, image: ImageConfig) -> Padding:
        """Synthetic files to add, the same for every format. Raises `BadConfig` when the image asked for is smaller."""
        key = (workload.name, image.model_dump_json())
        if key not in self._paddings:
            request = PaddingRequest(total_bytes=image.total_bytes, layers=image.layers, read_share=image.read_share)
            gzip, estargz = (self.layout(workload.layouts[name]) for name in ("gzip", "estargz"))
            self._paddings[key] = plan_padding(gzip, estargz, self.trace(workload.traces["throttled"]), request)
        return self._paddings[key]

    def image(self, workload: Workload, strategy: Strategy, cell: Cell) -> Image:
        """Layout and program for a strategy: padded, or with an estimated layout, where that was asked for."""
        layout = cell.layout.model_dump_json() if is_estimated(strategy, cell.layout) else None
        key = (workload.name, strategy.format, strategy.recording, cell.image.model_dump_json(), layout)
        if key not in self._images:
            self._images[key] = self._make(workload, strategy, cell)
        return self._images[key]

    def options(self, workload: Workload, strategy: Strategy, config: LayoutConfig) -> LayoutOptions:
        """How the image would be written. Raises `BadBundle` or `BadInput`."""
        landmark = landmark_of(config, strategy.format)
        trace = None if landmark is None else self.trace(recording_of(workload, landmark.trace))
        return layout_options(config, landmark, trace, self.tree(workload.tree))

    def estimated(self, workload: Workload, strategy: Strategy, config: LayoutConfig) -> Layout:
        """The layout that the image would have. Raises `BadBundle`, `BadInput` or `ContentMismatch`."""
        options = self.options(workload, strategy, config)
        return estimate_layout(self.layout(workload.layouts["gzip"]), self.blocks(workload.blocks), options)

    def _make(self, workload: Workload, strategy: Strategy, cell: Cell) -> Image:
        trace = self.trace(workload.traces[strategy.recording])
        if is_estimated(strategy, cell.layout):
            layout = self.estimated(workload, strategy, cell.layout)
        else:
            layout = self.layout(workload.layouts[strategy.format])
        if not cell.image.as_recorded:
            padding = self.padding(workload, cell.image)
            layout, trace = pad_layout(layout, padding), pad_trace(trace, padding)
        program = without_recorder(compile_program(trace, layout), self._way_s(workload))
        return Image(layout_columns(layout), program, trace.header.readiness)

    def _way_s(self, workload: Workload) -> float:
        """What recording added to each operation of a workload, seconds; 0 where no plain start was timed."""
        if workload.name not in self._ways_s:
            local = self.trace(workload.traces["local"])
            plain_s, layout = local.header.plain_ready_s, self.layout(workload.layouts["gzip"])
            self._ways_s[workload.name] = 0.0 if plain_s is None else way_s(compile_program(local, layout), plain_s)
        return self._ways_s[workload.name]


def _short(content_id: str) -> str:
    return content_id.removeprefix("sha256:")[:12] + "…"

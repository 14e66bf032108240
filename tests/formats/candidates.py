"""Random candidates, estimated and really converted: how far apart sizes and predicted ready times are."""

import random
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from sim.catalog import names, workload
from sim.catalog.build import built_layers
from sim.core.blocks import Blocks, read_blocks
from sim.core.bundle import column
from sim.core.errors import BadInput
from sim.core.host import load_host
from sim.core.layout import Layout, read_layout
from sim.core.network import Network
from sim.core.source import FileSource
from sim.core.trace import Trace, read_trace
from sim.core.tree import Tree, read_tree
from sim.experiment.config import LandmarkConfig
from sim.experiment.estimated import arranged
from sim.experiment.plan import host_file
from sim.formats.estargz import WriteOptions, layers_layout, open_blob, write_layer
from sim.plan.columns import layout_columns
from sim.plan.compile import compile_program
from sim.plan.estimate import estimate_layout
from sim.plan.layout_options import LayoutOptions
from sim.plan.priorities import accessed_files, by_layer
from sim.strategy import Case, preset, simulate

ORDERS = ("access", "size", "path")
RATES_BYTES_S = (20e6 / 8, 100e6 / 8, 1e9 / 8)
RTTS_S = (0.001, 0.02, 0.1)


@dataclass(frozen=True)
class Asked:
    """One candidate on one network."""

    workload: str
    chunk_size: int
    min_chunk_size: int
    share: float
    order: str
    rate_bytes_s: float
    rtt_s: float

    def __str__(self):
        network = f"{self.rate_bytes_s * 8e-6:.0f} Mbit/s {self.rtt_s * 1e3:.0f} ms"
        sizes = f"chunk {self.chunk_size / 1024:.0f} KiB min {self.min_chunk_size / 1000:.0f} kB"
        return f"{self.workload:10} {sizes:32} share {self.share:.2f} {self.order:6} {network:18}"


@dataclass(frozen=True)
class Compared:
    """Estimate and reality. Sizes in bytes; ready times, as simulated on either layout, in seconds."""

    asked: Asked
    size: int
    real_size: int
    ready_s: float
    real_ready_s: float

    @property
    def size_error(self):
        return self.size / self.real_size - 1

    @property
    def ready_error(self):
        return self.ready_s / self.real_ready_s - 1

    def __str__(self):
        return (
            f"{self.asked} size {self.real_size / 1e6:8.3f} MB {self.size_error:+8.3%}   "
            f"ready {self.real_ready_s:7.3f} s {self.ready_error:+8.3%}"
        )


def random_candidates(workloads, count, seed):
    """Sizes even on a log scale and not rounded to what was measured; half without a minimum chunk size."""
    rng = random.Random(seed)
    return [
        Asked(
            workload=workloads[number % len(workloads)],
            chunk_size=round(2 ** rng.uniform(16, 24)),
            min_chunk_size=round(2 ** rng.uniform(12, 20)) if rng.random() < 0.5 else 0,
            share=rng.choice((0.0, rng.random(), 1.0)),
            order=rng.choice(ORDERS),
            rate_bytes_s=rng.choice(RATES_BYTES_S),
            rtt_s=rng.choice(RTTS_S),
        )
        for number in range(count)
    ]


def built(asked):
    """Those workloads whose image was built here."""
    return [name for name in asked if name in names() and _is_built(name)]


def skip_unless_built(name):
    if not built([name]):
        pytest.skip(f"ESTIMATE NOT COMPARED WITH A REAL CONVERSION: image {name} is not built here (make images)")


def compare(asked, folder):
    """Estimate a candidate, write it, and start the workload on both."""
    inputs = _inputs(asked.workload)
    landmark = LandmarkConfig(share=asked.share, order=asked.order)
    listed = by_layer(arranged(accessed_files(inputs.trace, inputs.tree), landmark, inputs.tree), inputs.tree.layers)
    options = LayoutOptions(
        chunk_size_bytes=asked.chunk_size,
        min_chunk_size_bytes=asked.min_chunk_size,
        priorities=tuple(map(tuple, listed)),
    )
    estimated, real = estimate_layout(inputs.gzip, inputs.blocks, options), _written(asked, listed, folder)
    assert real.content_id == estimated.content_id
    sizes = [int(column(layout.blobs, "size").sum()) for layout in (estimated, real)]
    return Compared(asked, *sizes, *(_ready_s(layout, asked, inputs) for layout in (estimated, real)))


@dataclass(frozen=True)
class _Inputs:
    gzip: Layout
    blocks: Blocks
    tree: Tree
    trace: Trace


@cache
def _inputs(name):
    found = workload(name)
    return _Inputs(
        read_layout(found.layouts["gzip"]),
        read_blocks(found.blocks),
        read_tree(found.tree),
        read_trace(found.traces["throttled"]),
    )


def _is_built(name):
    try:
        return bool(built_layers(name))
    except BadInput:
        return False


def _written(asked, listed, folder):
    with ExitStack() as files:
        blobs, written = [], []
        for number, (layer, paths) in enumerate(zip(built_layers(asked.workload), listed, strict=True)):
            options = WriteOptions(
                chunk_size_bytes=asked.chunk_size,
                min_chunk_size_bytes=asked.min_chunk_size,
                priorities=tuple(paths) or None,
            )
            with FileSource(layer.blob) as source:
                written.append(write_layer(source, folder / f"{number}", options))
            blobs.append(open_blob(files.enter_context(FileSource(written[-1].file))))
        facts = {
            "digests": [blob.digest for blob in written],
            "raw_sizes": [blob.raw_size_bytes for blob in written],
        }
        return layers_layout(blobs, **facts)[1]


def _ready_s(layout, asked, inputs):
    case = Case(
        workload=asked.workload,
        columns=layout_columns(layout),
        program=compile_program(inputs.trace, layout),
        readiness=inputs.trace.header.readiness,
        host=load_host(host_file("reference", Path())).host,
        network=Network(rate_bytes_s=asked.rate_bytes_s, rtt_s=asked.rtt_s),
        strategy=preset("prefetch" if asked.share else "lazy"),
        nodes=1,
    )
    return simulate(case).summary["total_s"]

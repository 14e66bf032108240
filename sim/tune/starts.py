"""Simulated starts of candidates: the layout estimated, compiled against each recording, run on each network.

The layout and what is compiled against it are made once for all candidates that share an image.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sim.core.layout import Layout
from sim.core.network import Network
from sim.core.program import Program
from sim.core.trace import Trace
from sim.experiment.accounting import check_accounts
from sim.experiment.config import LandmarkConfig
from sim.experiment.estimated import arranged
from sim.plan.columns import LayoutColumns, layout_columns
from sim.plan.compile import compile_program
from sim.plan.estimate import estimate_layout
from sim.plan.layout_options import LayoutOptions
from sim.plan.plain import without_recorder
from sim.plan.priorities import by_layer
from sim.strategy import Case, Strategy, preset, simulate
from sim.tune.candidate import Candidate, Written
from sim.tune.subject import Recorded, Subject, merged_accesses

BOUND = "clairvoyant"


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """One simulated start of a candidate. Seconds until ready; bytes and requests until ready.

    bound_s: of the clairvoyant on the same layout; None where it was not asked for.
    """

    candidate: Candidate
    recording: str
    network: str
    total_s: float
    fetched_bytes: int
    requests: int
    image_bytes: int
    bound_s: float | None = None


@dataclass(frozen=True)
class Batch:
    """Candidates to start. recorded: the recordings; with_bound: run the clairvoyant beside each, too."""

    subject: Subject
    recorded: tuple[Recorded, ...]
    candidates: tuple[Candidate, ...]
    with_bound: bool = False


def run_batch(batch: Batch) -> tuple[Start, ...]:
    """Start every candidate with every recording on every network. Raises `BadInput` for what cannot be estimated."""
    accessed = merged_accesses(batch.subject.tuned, batch.subject.tree)
    starts: list[Start] = []
    for written, group in by_image(batch.candidates).items():
        layout = estimated(batch.subject, written, accessed)
        starts += starts_on(layout, batch.subject, batch.recorded, group, with_bound=batch.with_bound)
    return tuple(starts)


def by_image(candidates: Iterable[Candidate]) -> dict[Written, list[Candidate]]:
    """Candidates together that have the same image."""
    groups: dict[Written, list[Candidate]] = {}
    for candidate in candidates:
        groups.setdefault(candidate.written, []).append(candidate)
    return groups


def priorities(subject: Subject, written: Written, accessed: Sequence[tuple[int, str]]) -> list[list[str]]:
    """For each layer, lowest first, the files before the landmark, in order."""
    landmark = LandmarkConfig(share=written.share, order=written.order)
    return by_layer(arranged(list(accessed), landmark, subject.tree), subject.tree.layers)


def estimated(subject: Subject, written: Written, accessed: Sequence[tuple[int, str]]) -> Layout:
    """The layout the image would have."""
    chosen = priorities(subject, written, accessed)
    options = LayoutOptions(
        chunk_size_bytes=written.chunk_size_bytes,
        min_chunk_size_bytes=written.min_chunk_size_bytes,
        priorities=tuple(map(tuple, chosen)) if any(chosen) else None,
    )
    return estimate_layout(subject.gzip, subject.blocks, options)


def starts_on(
    layout: Layout,
    subject: Subject,
    recorded: Sequence[Recorded],
    candidates: Sequence[Candidate],
    *,
    with_bound: bool = False,
) -> Iterator[Start]:
    """Starts on one layout, estimated or real, of the candidates that share it."""
    columns = layout_columns(layout)
    for recording in recorded:
        way = _Way(subject, columns, _program(recording.trace, layout, recording), recording.trace.header.readiness)
        bounds = _bounds(layout, columns, subject, recording) if with_bound else {}
        for candidate in candidates:
            for name, network in subject.networks.items():
                tables = simulate(way.case(network, candidate.strategy()))
                check_accounts(tables)
                summary = tables.summary
                yield Start(
                    candidate=candidate,
                    recording=recording.label,
                    network=name,
                    total_s=float(summary["total_s"] or 0.0),
                    fetched_bytes=int(summary["fetched_bytes"] or 0),
                    requests=int(summary["requests"] or 0),
                    image_bytes=int(summary["image_bytes"] or 0),
                    bound_s=bounds.get(name),
                )


@dataclass(frozen=True, slots=True)
class _Way:
    """What all starts of one recording on one layout share."""

    subject: Subject
    columns: LayoutColumns
    program: Program
    readiness: str

    def case(self, network: Network, strategy: Strategy) -> Case:
        return Case(
            workload=self.subject.name,
            columns=self.columns,
            program=self.program,
            readiness=self.readiness,
            host=self.subject.host,
            network=network,
            strategy=strategy,
        )


def _bounds(layout: Layout, columns: LayoutColumns, subject: Subject, recording: Recorded) -> dict[str, float]:
    """Seconds until the clairvoyant is ready, by network."""
    bound = recording.bound
    way = _Way(subject, columns, _program(bound, layout, recording), bound.header.readiness)
    totals = {name: simulate(way.case(network, preset(BOUND))) for name, network in subject.networks.items()}
    return {name: float(tables.summary["total_s"] or 0.0) for name, tables in totals.items()}


def _program(trace: Trace, layout: Layout, recording: Recorded) -> Program:
    return without_recorder(compile_program(trace, layout), recording.way_s)

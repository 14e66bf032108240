"""How far off an estimate is: the same candidate on a layout that was really written."""

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from sim.core.layout import Layout
from sim.core.source import FileSource
from sim.formats.estargz import layers_layout, open_blob, write_layer
from sim.tune.candidate import BASELINES, DEFAULT, Candidate, Written
from sim.tune.output import write_options
from sim.tune.score import Score, base_of, score
from sim.tune.starts import Start, priorities, starts_on
from sim.tune.subject import Subject, merged_accesses

WRITTEN_HERE = "lazypull"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recheck:
    """One candidate, estimated and real. made_by: who wrote the real layers.

    estimated, real: starts in the same order, of the same recordings and networks.
    """

    candidate: Candidate
    made_by: str
    estimated: tuple[Start, ...]
    real: tuple[Start, ...]

    @property
    def image_error(self) -> float:
        """Estimated ÷ real image size − 1."""
        return self.estimated[0].image_bytes / self.real[0].image_bytes - 1

    @property
    def ready_errors(self) -> tuple[float, ...]:
        """Ready time from the estimated ÷ from the real layout − 1, by start."""
        pairs = zip(self.estimated, self.real, strict=True)
        return tuple(estimated.total_s / real.total_s - 1 for estimated, real in pairs)

    @property
    def worst_ready_error(self) -> float:
        """The ready error farthest from 0."""
        return max(self.ready_errors, key=abs)


def against_references(subject: Subject, estimated: dict[Candidate, tuple[Start, ...]]) -> Iterator[Recheck]:
    """The baselines on what the reference converter made of the image, where the catalog has it."""
    for name, layout in subject.references:
        candidate = BASELINES[name]
        real = tuple(starts_on(layout, subject, subject.tuned, [candidate]))
        yield Recheck(candidate=candidate, made_by="reference converter", estimated=estimated[candidate], real=real)


def against_conversion(subject: Subject, candidate: Candidate, estimated: tuple[Start, ...]) -> Recheck:
    """One candidate on layers that are written for it here; the subject's layers must be at hand."""
    layout = converted(subject, candidate.written)
    real = tuple(starts_on(layout, subject, subject.tuned, [candidate]))
    return Recheck(candidate=candidate, made_by=WRITTEN_HERE, estimated=estimated, real=real)


def converted(subject: Subject, written: Written) -> Layout:
    """The layout of layers written with a candidate's options; the blobs are removed again."""
    chosen = priorities(subject, written, merged_accesses(subject.tuned, subject.tree))
    with tempfile.TemporaryDirectory(prefix="lazypull-tune-") as folder, ExitStack() as files:
        made = []
        for number, layer in enumerate(subject.layers):
            options = replace(write_options(written), priorities=tuple(chosen[number]))
            with FileSource(layer) as source:
                made.append(write_layer(source, Path(folder) / f"{number}", options))
        blobs = [open_blob(files.enter_context(FileSource(one.file)), toc_digest=one.toc_digest) for one in made]
        digests, raw_sizes = [one.digest for one in made], [one.raw_size_bytes for one in made]
        return layers_layout(blobs, digests=digests, raw_sizes=raw_sizes)[1]


def real_scores(rechecks: Iterable[Recheck], made_by: str) -> dict[Candidate, Score]:
    """Candidates on what one writer made, against the default as it made it; empty where it made no default."""
    real = {one.candidate: one.real for one in rechecks if one.made_by == made_by}
    if DEFAULT not in real:
        return {}
    base = base_of(real[DEFAULT])
    return {candidate: score(starts, base) for candidate, starts in real.items()}

"""`Evaluator`: scores of candidates, each started once however often a search asks for it."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sim.experiment.executors import Executor
from sim.tune.candidate import DEFAULT, Candidate
from sim.tune.score import Score, base_of, score
from sim.tune.starts import Batch, Start, by_image, run_batch
from sim.tune.subject import Recorded, Subject

PIECES_PER_JOB = 3  # batches a worker gets in a round: more balance the load, fewer send the subject less often


class Evaluator:
    """Starts candidates on the recordings of a subject. advance: hears how many more candidates were started."""

    def __init__(
        self,
        subject: Subject,
        recorded: Sequence[Recorded],
        executor: Executor,
        *,
        with_bound: bool = False,
        advance: Callable[[int], Any] = lambda _count: None,
    ) -> None:
        self._subject, self._recorded, self._executor = subject, tuple(recorded), executor
        self._with_bound, self._advance = with_bound, advance
        self._starts: dict[Candidate, list[Start]] = {}

    def scores(self, candidates: Iterable[Candidate]) -> list[Score]:
        """Scores against the default, in the order asked for, each candidate once."""
        asked = list(dict.fromkeys(candidate.plain() for candidate in candidates))
        self._start([candidate for candidate in (DEFAULT, *asked) if candidate not in self._starts])
        base = base_of(self._starts[DEFAULT])
        return [score(self._starts[candidate], base) for candidate in asked]

    def everything(self) -> list[Score]:
        """All candidates that were started so far."""
        return self.scores(list(self._starts))

    def knows(self, candidate: Candidate) -> bool:
        """Whether asking for its score costs nothing."""
        return candidate.plain() in self._starts

    def _start(self, candidates: Sequence[Candidate]) -> None:
        pending = list(dict.fromkeys(candidates))
        groups = list(by_image(pending).values())
        pieces = max(1, min(len(groups), PIECES_PER_JOB * self._executor.jobs))
        parts = [tuple(one for group in groups[piece::pieces] for one in group) for piece in range(pieces)]
        batches = [Batch(self._subject, self._recorded, part, self._with_bound) for part in parts if part]
        found: dict[Candidate, list[Start]] = {candidate: [] for candidate in pending}
        for starts in self._executor.each(run_batch, batches):
            for start in starts:
                found[start.candidate].append(start)
            self._advance(len({start.candidate for start in starts}))
        self._starts |= found

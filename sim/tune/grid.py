"""The grid search: a coarse grid over what matters most, the other settings around its best, then ever finer steps."""

import itertools
from collections.abc import Iterable
from dataclasses import replace

from sim.core.blocks import BLOCK_BYTES, MAX_CHUNK_BYTES
from sim.tune.candidate import BASELINES, DEFAULT_WAIT_S, Candidate, Order
from sim.tune.evaluator import Evaluator
from sim.tune.score import ranked

CHUNK_BYTES = tuple(1 << power for power in range(16, 25, 2))  # 64 KiB, 256 KiB, … 16 MiB
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
REGION_BYTES = (25_000, 50_000, 200_000, 1_000_000)
MIN_CHUNK_BYTES = (0, 1 << 14, 1 << 16, 1 << 18)
ORDERS: tuple[Order, ...] = ("access", "size", "path")
WAITS_S = (None, 1.0, DEFAULT_WAIT_S)  # the snapshotter takes whole seconds
FINEST_REGION_BYTES, COARSEST_REGION_BYTES = 10_000, 8_000_000
FINE_ROUNDS = 3
SHARE_STEP = 0.125  # halved each fine round
MOST_CANDIDATES = (
    len(BASELINES)
    + len(CHUNK_BYTES) * len(SHARES) * len(REGION_BYTES)
    + 2 * len(MIN_CHUNK_BYTES) * len(ORDERS) * len(WAITS_S)
    + FINE_ROUNDS * 27
)


def grid_search(evaluator: Evaluator, at_most: int) -> None:
    """Start candidates, at most so many of them; what is best can then be asked of the evaluator."""
    left = _Left(evaluator, at_most)
    left.start([*BASELINES.values(), *coarse()])
    left.start(itertools.chain.from_iterable(map(others, _leaders(evaluator))))
    step = SHARE_STEP
    for _ in range(FINE_ROUNDS):
        left.start(neighbours(_best(evaluator), step))
        step /= 2


def coarse() -> list[Candidate]:
    """Chunk size × share before the landmark × region size, prefetch on."""
    return [
        Candidate(chunk_size_bytes=chunk, share=share, region_size_bytes=region, wait_at_most_s=DEFAULT_WAIT_S)
        for chunk, share, region in itertools.product(CHUNK_BYTES, SHARES, REGION_BYTES)
    ]


def others(best: Candidate) -> list[Candidate]:
    """Minimum chunk size × order × prefetch around one candidate."""
    return [
        replace(best, min_chunk_size_bytes=least, order=order, wait_at_most_s=wait)
        for least, order, wait in itertools.product(MIN_CHUNK_BYTES, ORDERS, WAITS_S)
    ]


def neighbours(best: Candidate, share_step: float) -> list[Candidate]:
    """Half, same and double chunk and region size × share a step less, same and more."""
    chunks = [size for size in _around(best.chunk_size_bytes) if BLOCK_BYTES <= size <= MAX_CHUNK_BYTES]
    regions = [size for size in _around(best.region_size_bytes) if FINEST_REGION_BYTES <= size <= COARSEST_REGION_BYTES]
    shares = sorted({min(1.0, max(0.0, best.share + step * share_step)) for step in (-1, 0, 1)})
    wait = DEFAULT_WAIT_S if best.share == 0 else best.wait_at_most_s
    return [
        replace(best, chunk_size_bytes=chunk, region_size_bytes=region, share=share, wait_at_most_s=wait)
        for chunk, region, share in itertools.product(chunks, regions, shares)
    ]


def _around(size: int) -> tuple[int, int, int]:
    return size // 2, size, size * 2


def _best(evaluator: Evaluator) -> Candidate:
    return ranked(evaluator.everything())[0].candidate


def _leaders(evaluator: Evaluator) -> list[Candidate]:
    """The best, and the best with and without files before the landmark: other settings may turn their order."""
    order = [scored.candidate for scored in ranked(evaluator.everything())]
    with_landmark = [candidate for candidate in order if candidate.share > 0]
    without = [candidate for candidate in order if candidate.share == 0]
    return [*with_landmark[:1], *without[:1]]


class _Left:
    """How many candidates may still be started."""

    def __init__(self, evaluator: Evaluator, at_most: int) -> None:
        self._evaluator, self._count = evaluator, at_most

    def start(self, candidates: Iterable[Candidate]) -> None:
        plain = dict.fromkeys(candidate.plain() for candidate in candidates)
        fresh = [candidate for candidate in plain if not self._evaluator.knows(candidate)][: self._count]
        self._count -= len(fresh)
        self._evaluator.scores(fresh)

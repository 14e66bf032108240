"""The Optuna search: a tree-structured Parzen estimator with a fixed seed chooses what to start next."""

import importlib
from typing import Any

from sim.core.errors import NotPossibleHere
from sim.tune.candidate import BASELINES, DEFAULT_WAIT_S, Candidate, Order
from sim.tune.evaluator import Evaluator
from sim.tune.grid import COARSEST_REGION_BYTES, FINEST_REGION_BYTES, MIN_CHUNK_BYTES, ORDERS

ASKED_AT_ONCE = 8  # fixed, so that what is asked does not depend on the number of cores
SHARE_STEPS = 20
REGION_STEP_BYTES = 5_000
WAITS_S: dict[str, float | None] = {"off": None, "1s": 1.0, "10s": DEFAULT_WAIT_S}


def optuna_search(evaluator: Evaluator, trials: int, *, seed: int) -> None:
    """Start `trials` candidates, the baselines among them; the same seed asks the same. Needs the `tune` extra."""
    optuna = _optuna()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
    for baseline in BASELINES.values():
        study.enqueue_trial(_values(baseline))
    while trials > 0:
        asked = [study.ask() for _ in range(min(ASKED_AT_ONCE, trials))]
        candidates = [_candidate(trial).plain() for trial in asked]
        scores = {scored.candidate: scored.relative for scored in evaluator.scores(candidates)}
        for trial, candidate in zip(asked, candidates, strict=True):
            study.tell(trial, scores[candidate])
        trials -= len(asked)


def _candidate(trial: Any) -> Candidate:
    order: Order = trial.suggest_categorical("order", ORDERS)
    return Candidate(
        chunk_size_bytes=1 << trial.suggest_int("chunk_power", 16, 24),
        min_chunk_size_bytes=trial.suggest_categorical("min_chunk_size_bytes", MIN_CHUNK_BYTES),
        share=trial.suggest_int("share_steps", 0, SHARE_STEPS) / SHARE_STEPS,
        order=order,
        region_size_bytes=REGION_STEP_BYTES
        * trial.suggest_int(
            "region_steps",
            FINEST_REGION_BYTES // REGION_STEP_BYTES,
            COARSEST_REGION_BYTES // REGION_STEP_BYTES,
            log=True,
        ),
        wait_at_most_s=WAITS_S[trial.suggest_categorical("wait", tuple(WAITS_S))],
    )


def _values(candidate: Candidate) -> dict[str, Any]:
    wait = next(name for name, seconds in WAITS_S.items() if seconds == candidate.wait_at_most_s)
    return {
        "order": candidate.order,
        "chunk_power": candidate.chunk_size_bytes.bit_length() - 1,
        "min_chunk_size_bytes": candidate.min_chunk_size_bytes,
        "share_steps": round(candidate.share * SHARE_STEPS),
        "region_steps": candidate.region_size_bytes // REGION_STEP_BYTES,
        "wait": wait,
    }


def _optuna() -> Any:
    try:
        return importlib.import_module("optuna")
    except ImportError:
        raise NotPossibleHere(
            "the Optuna search needs the tune extra; install lazypull[tune] or use --search grid"
        ) from None

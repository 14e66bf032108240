"""Typed config to resolved run to result; matrices and executors.

From an experiment file: `load.load_experiment` → `plan.make_plan` → `runner.run_plan`; one run: `single.run`.
"""

from sim.experiment.version import MODEL_VERSION

__all__ = ["MODEL_VERSION"]

"""How an image reaches a node: a composition of parts, with named presets."""

from sim.strategy.case import Case, what_ifs
from sim.strategy.presets import PRESETS, preset
from sim.strategy.simulate import simulate
from sim.strategy.strategy import Strategy

__all__ = ["PRESETS", "Case", "Strategy", "preset", "simulate", "what_ifs"]

"""Strategies as an experiment file composes them: a preset, and what is to be different."""

from dataclasses import replace
from typing import Any

from sim.core.errors import BadConfig
from sim.core.units import parse_duration
from sim.experiment.config import BackgroundConfig, PrefetchConfig, StrategyConfig
from sim.experiment.quantities import size_bytes
from sim.strategy import Strategy, preset
from sim.strategy.strategy import BackgroundFetch, LandmarkPrefetch


def compose(config: StrategyConfig) -> Strategy:
    """Resolve a strategy. Raises `BadConfig` for an unknown preset or a setting its client does not have."""
    base = preset(config.like)
    settings: dict[str, Any] = {"downloads": config.downloads, "present_layers": config.present_layers}
    settings["region_size"] = None if config.region_size is None else size_bytes(config.region_size)
    given = {name: value for name, value in settings.items() if value is not None}
    for name in given:
        if not hasattr(base.client, name):
            raise BadConfig(f"strategy.{name}: the client of {config.like} has no such setting; leave it out")
    return replace(
        base,
        name=config.label,
        format=config.format or base.format,
        client=replace(base.client, **given),
        prefetch=_prefetch(base, config.prefetch),
        background=_background(base, config.background),
    )


def _prefetch(base: Strategy, config: PrefetchConfig | None) -> Any:
    if config is None:
        return base.prefetch
    return None if config.off else LandmarkPrefetch(wait_at_most_s=parse_duration(config.wait_at_most))


def _background(base: Strategy, config: BackgroundConfig | None) -> BackgroundFetch | None:
    if config is None:
        return base.background
    if config.off:
        return None
    return BackgroundFetch(quiet_s=parse_duration(config.quiet), max_concurrency=config.max_concurrency)

"""lazypull: how long until a container is ready, where the time went, and which layout would be better."""

from typing import Any

__all__ = ["compile", "load_results", "load_run", "load_trace", "open_image", "run"]

_HOMES = {  # public name → module and name there; imported when first used
    "compile": ("sim.plan.compile", "compile_program"),
    "load_results": ("sim.core.store", "load_results"),
    "load_run": ("sim.core.store", "load_run"),
    "load_trace": ("sim.core.trace", "read_trace"),
    "open_image": ("sim.image.opened", "open_image"),
    "run": ("sim.experiment.single", "run"),
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'sim' has no attribute {name!r}")
    from importlib import import_module

    module, attribute = _HOMES[name]
    return getattr(import_module(module), attribute)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])

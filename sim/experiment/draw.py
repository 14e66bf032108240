"""A replicate's draw of the host: each constant within its measured spread."""

import math
from dataclasses import replace
from typing import Any

from sim.core.host import Host, LoadedHost
from sim.engine.streams import Streams


def host_of(loaded: LoadedHost, *, seed: int, replicate: int) -> Host:
    """Replicate 0 has the host as measured; others have every constant but `cores` times a lognormal of mean 1.

    The draw depends on seed and replicate only, so comparisons between strategies are paired.
    """
    if replicate == 0:
        return loaded.host
    draws = Streams(seed, replicate).stream("host")
    changed: dict[str, Any] = {}
    for name, cv in sorted(loaded.cv.items()):
        if name != "cores":
            sigma = math.sqrt(math.log1p(cv * cv))  # a lognormal's coefficient of variation is √(exp σ² − 1)
            changed[name] = getattr(loaded.host, name) * math.exp(draws.normal(-sigma * sigma / 2, sigma))
    return replace(loaded.host, **changed)

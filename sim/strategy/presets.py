"""Named strategies."""

from difflib import get_close_matches
from types import MappingProxyType

from sim.core.errors import BadConfig
from sim.strategy.strategy import BackgroundFetch, Containerd, LandmarkPrefetch, Stargz, Strategy, Stream

PRESETS = MappingProxyType(
    {
        preset.name: preset
        for preset in (
            Strategy(name="full", format="gzip", recording="local", client=Containerd()),
            Strategy(name="lazy", format="estargz", recording="throttled", client=Stargz()),
            Strategy(
                name="prefetch",
                format="estargz-landmark",
                recording="throttled",
                client=Stargz(),
                prefetch=LandmarkPrefetch(),
            ),
            Strategy(
                name="background",
                format="estargz-landmark",
                recording="throttled",
                client=Stargz(),
                prefetch=LandmarkPrefetch(),
                background=BackgroundFetch(),
            ),
            Strategy(name="clairvoyant", format="estargz", recording="local", client=Stream()),
        )
    }
)


def preset(name: str) -> Strategy:
    """The preset of that name. Raises `BadConfig`, naming the nearest one."""
    if name in PRESETS:
        return PRESETS[name]
    near = get_close_matches(name, PRESETS, n=1, cutoff=0.0)
    raise BadConfig(f"strategy {name!r} does not exist; did you mean {near[0]!r}? All: {', '.join(PRESETS)}")

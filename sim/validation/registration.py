"""What was written down before anything was measured, and whether the runs keep to it."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from sim.core.errors import BadBundle

REGISTRATION_FILE = "registration.json"
MOST_LISTED = 8  # items of a list that a table still names


def read_registration(folder: Path) -> dict[str, Any]:
    """The registration beside the runs; empty when there is none. Raises `BadBundle` when it is damaged."""
    file = folder / REGISTRATION_FILE
    if not file.is_file():
        return {}
    try:
        return msgspec.json.decode(file.read_bytes(), type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise BadBundle(f"{file}: damaged registration ({error}); restore it, it cannot be made again") from None


def breaches(registration: Mapping[str, Any], hosts: Iterable[str], measured_at: Iterable[str]) -> list[str]:
    """Sentences on what does not keep to the registration; none is good.

    hosts: digests of the host constants that were simulated with. measured_at: ISO times with a zone.
    """
    if not registration:
        return ["Nothing was registered before measuring: these numbers show the fit of the model, not a prediction."]
    found = []
    registered = str(registration.get("host_digest", ""))
    other = sorted(set(hosts) - {registered})
    if other:
        found.append(f"Simulated with host constants {', '.join(other)}, registered were {registered or 'none'}.")
    early = sorted(at for at in measured_at if at < str(registration.get("registered_at", "")))
    if early:
        found.append(f"{len(early)} runs were measured before the registration, the first at {early[0]}.")
    return found


def facts(registration: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """What was registered as names and texts, folded flat; long lists as their number."""
    for name, value in registration.items():
        match value:
            case dict():
                yield from facts(value, f"{prefix}{name}.")
            case list() if len(value) > MOST_LISTED or any(isinstance(item, dict) for item in value):
                yield prefix + name, f"{len(value)}"
            case list():
                yield prefix + name, ", ".join(map(str, value))
            case _:
                yield prefix + name, str(value)

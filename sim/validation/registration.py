"""What was written down before anything was measured, and whether the runs keep to it."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from sim.core.errors import BadBundle
from sim.validation.runs import MEASURED, RunRow

REGISTRATION_FILE = "registration.json"
EARLIER_FILES = "registration-*.json"
MOST_LISTED = 40  # items of a list that a table still names


def read_registration(folder: Path) -> dict[str, Any]:
    """The registration beside the runs; empty when there is none. Raises `BadBundle` when it is damaged."""
    file = folder / REGISTRATION_FILE
    return _read(file) if file.is_file() else {}


def read_earlier(folder: Path) -> dict[str, dict[str, Any]]:
    """Registrations that a later one took the place of, by file name: each round of mending the model makes one."""
    return {file.name: _read(file) for file in sorted(folder.glob(EARLIER_FILES))}


def breaches(registration: Mapping[str, Any], facts: Mapping[str, str], runs: Iterable[RunRow]) -> list[str]:
    """Sentences on what does not keep to the registration; none is good. facts: provenance of the runs."""
    if not registration:
        return ["Nothing was registered before measuring: these numbers show the fit of the model, not a prediction."]
    found = []
    for name, fact in (("host_digest", "host constants"), ("model_version", "model version")):
        registered, used = str(registration.get(name, "nothing")), facts.get(fact, "")
        if used != registered:
            found.append(f"Simulated with {fact} {used or 'unknown'}, registered was {registered}.")
    measured = [run for run in runs if run.source == MEASURED]
    early = sorted(run.measured_at or "" for run in measured)
    early = [at for at in early if at < str(registration.get("registered_at", ""))]
    if early:
        found.append(
            f"{len(early)} of {len(measured)} runs were measured before this registration, the first at {early[0]}: "
            "for them it is no prediction."
        )
    return found + _not_planned(registration.get("planned", ()), {run.title for run in measured})


def _not_planned(planned: Iterable[str], measured: set[str]) -> list[str]:
    """Cells that were registered and not measured, and the other way round."""
    left = [title for title in planned if title not in measured]
    added = sorted(measured - set(planned))
    return [
        *([f"{len(left)} registered cells were not measured: {'; '.join(left)}."] if left else []),
        *([f"{len(added)} measured cells were not registered: {'; '.join(added)}."] if added and planned else []),
    ]


def _read(file: Path) -> dict[str, Any]:
    try:
        return msgspec.json.decode(file.read_bytes(), type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise BadBundle(f"{file}: damaged registration ({error}); restore it, it cannot be made again") from None


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

"""What is written down before a validation measures: which model with which host constants will be judged by it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from shlex import quote
from typing import Any

import msgspec

from sim.core.errors import BadConfig
from sim.core.files import write_file
from sim.core.host import load_host
from sim.core.manifest import read_manifest
from sim.core.store import run_folders
from sim.experiment.plan import Plan, Task, host_file
from sim.testbed.calibrate import CALIBRATION_INPUTS
from sim.validation.cell import cell_of
from sim.validation.registration import REGISTRATION_FILE, read_registration


class Registration(msgspec.Struct, frozen=True, kw_only=True):
    """One registration; its file lies beside the runs and is committed with their tables.

    command: what measured it. experiment_digest: of the experiment file; overrides: `--set` beside it.
    host: the name alone, no path.
    cells: how many, each `replicates` times; planned: their titles. excluded: workloads that are calibration inputs.
    real_runs_stored_before: measured runs that were there already, of which this model may have been made.
    """

    registered_at: str
    command: str
    experiment: str
    experiment_digest: str
    overrides: tuple[str, ...]
    model_version: str
    commit: str | None
    host: str
    host_digest: str
    host_machine: dict[str, Any]
    cells: int
    replicates: int
    seed: int
    calibration_inputs: tuple[str, ...]
    excluded: tuple[str, ...]
    planned: tuple[str, ...]
    real_runs_stored_before: int = 0

    def covers(self, other: "Registration") -> bool:
        """Whether it registers the other's model, host constants, experiment file and cells."""
        same = ("model_version", "host_digest", "experiment_digest")
        if any(getattr(self, name) != getattr(other, name) for name in same):
            return False
        return set(other.planned) <= set(self.planned)


def registration_of(
    plan: Plan, tasks: Sequence[Task], *, file: Path, overrides: Sequence[str], excluded: Sequence[str]
) -> Registration:
    """What to register for the tasks that will be measured. Raises `BadConfig` when they have several hosts."""
    hosts = {task.manifest.key_parts["host"]: task.cell.host for task in tasks}
    if len(hosts) != 1:
        raise BadConfig(
            f"{file}: a validation judges one set of host constants, not {len(hosts)}; pass --set host=NAME"
        )
    ((digest, host),) = hosts.items()
    planned = tuple(dict.fromkeys(cell_of(task.manifest).title for task in tasks))
    first = tasks[0]
    return Registration(
        registered_at=datetime.now(UTC).isoformat(timespec="seconds"),
        command=_command(file, overrides),
        experiment=plan.experiment.name,
        experiment_digest=f"sha256:{sha256(file.read_bytes()).hexdigest()}",
        overrides=tuple(overrides),
        model_version=first.manifest.model_version,
        commit=first.manifest.commit,
        host=Path(host).name,
        host_digest=digest,
        host_machine=load_host(host_file(host, plan.experiment.folder)).machine,
        cells=len(planned),
        replicates=len({task.cell.replicate for task in tasks}),
        seed=first.cell.seed,
        calibration_inputs=CALIBRATION_INPUTS,
        excluded=tuple(excluded),
        planned=planned,
    )


def register(folder: Path, new: Registration) -> Registration:
    """Write a registration beside the runs unless the one there says the same; returns the one that holds.

    One that says otherwise is kept as `registration-<n>.json` once there are measured runs, and the new one says how
    many there were: nobody can pass off a later model as registered in advance.
    """
    old = _stored(folder)
    if old is not None and old.covers(new):
        return old
    measured = real_runs(folder)
    if measured and (folder / REGISTRATION_FILE).exists():
        _keep(folder)
    made = msgspec.structs.replace(new, real_runs_stored_before=measured)
    write_file(folder / REGISTRATION_FILE, _json(made))
    return made


def real_runs(folder: Path) -> int:
    """How many measured runs with numbers are stored."""
    manifests = map(read_manifest, run_folders(folder))
    return sum(manifest.source == "real" and manifest.status == "done" for manifest in manifests)


def _command(file: Path, overrides: Sequence[str]) -> str:
    """As one would type it; of a path that only this machine has, the file's name."""
    words = ["lazypull testbed validate", file.name if file.is_absolute() else str(file)]
    return " ".join([*words, *(f"--set {quote(override)}" for override in overrides)])


def _stored(folder: Path) -> Registration | None:
    """The registration that is there; None also for one that says less than is said today."""
    try:
        return msgspec.convert(read_registration(folder), Registration)
    except msgspec.ValidationError:
        return None


def _keep(folder: Path) -> None:
    """Copy the registration to the first free number."""
    number = 1
    while (kept := folder / f"{Path(REGISTRATION_FILE).stem}-{number}.json").exists():
        number += 1
    write_file(kept, (folder / REGISTRATION_FILE).read_bytes())


def _json(registration: Registration) -> bytes:
    return msgspec.json.format(msgspec.json.encode(registration), indent=1) + b"\n"

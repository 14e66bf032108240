"""`Manifest`: what a stored run is of, and which keys its summary has. docs/results.md defines both."""

from pathlib import Path
from typing import Any, Literal

import msgspec

from sim.core.errors import BadBundle
from sim.core.result import RESULT_SCHEMA_VERSION, SHARE_KINDS, SUMMARY_FIELDS

MANIFEST_FILE = "manifest.json"
SUMMARY_FILE = "summary.json"
FOLDER_KEY_LENGTH = 12  # hex digits of the key in a folder's name: 2^48 names, a sweep has some thousand runs

WHAT_IFS: tuple[str, ...] = ("no_round_trip", "infinite_rate", "infinite_cpu", "perfect_prefetch")
SUMMARY_KEYS: tuple[str, ...] = (
    *SUMMARY_FIELDS,
    *(f"share_{kind}_s" for kind in SHARE_KINDS),
    *(f"what_if_{name}_total_s" for name in WHAT_IFS),
)

Status = Literal["done", "failed"]
Source = Literal["model", "real"]
Summary = dict[str, float | int | None]


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """Where one run's numbers come from.

    key: hex digest over `key_parts`, which hold everything that changes the numbers.
    config: the resolved experiment file for this one run, values as they were written.
    varied: dotted paths of the config values that the experiment's matrix varies.
    model_version: of the model of time; changes when the same input gives other numbers.
    versions: package name → version; commit: of the checkout, null outside one.
    wall_s: what the run cost here; never part of `summary.json`.
    counts: events, transfers, … as the run counted them.
    synthetic: any input was made up rather than recorded or read from a real blob.
    error: one line, only when status is "failed".
    host, measured_at, repetition: of real runs only.
    """

    experiment: str
    key: str
    key_parts: dict[str, Any]
    config: dict[str, Any]
    workload: str
    strategy: str
    replicate: int
    status: Status
    source: Source = "model"
    synthetic: bool = False
    varied: tuple[str, ...] = ()
    model_version: str = ""
    versions: dict[str, str] = msgspec.field(default_factory=dict)
    commit: str | None = None
    wall_s: float = 0.0
    counts: dict[str, Any] = msgspec.field(default_factory=dict)
    error: str | None = None
    host: dict[str, Any] | None = None
    measured_at: str | None = None
    repetition: int | None = None
    schema_version: int = RESULT_SCHEMA_VERSION

    @property
    def folder(self) -> str:
        """Name of the run's folder inside its experiment's folder."""
        return self.key[:FOLDER_KEY_LENGTH]


class _Version(msgspec.Struct):
    schema_version: int


def read_manifest(run: Path) -> Manifest:
    """Read the manifest of a run's folder. Raises `BadBundle` when it is missing, damaged or of a newer schema."""
    file = run / MANIFEST_FILE
    try:
        raw = file.read_bytes()
        version = msgspec.json.decode(raw, type=_Version).schema_version
        if version > RESULT_SCHEMA_VERSION:
            raise BadBundle(
                f"{file}: result schema {version}, this lazypull reads up to {RESULT_SCHEMA_VERSION}; update lazypull"
            )
        return msgspec.json.decode(raw, type=Manifest)
    except OSError:
        raise BadBundle(f"{run}: no run here ({MANIFEST_FILE} is missing); check the path") from None
    except msgspec.DecodeError as error:
        raise BadBundle(f"{file}: damaged manifest ({error}); delete the folder and run it again") from None


def read_summary(run: Path) -> Summary:
    """Read the summary of a run that is done. Raises `BadBundle` when it is missing or damaged."""
    file = run / SUMMARY_FILE
    try:
        return msgspec.json.decode(file.read_bytes(), type=Summary)
    except OSError:
        raise BadBundle(f"{file}: summary is missing; delete the folder and run it again") from None
    except msgspec.DecodeError as error:
        raise BadBundle(f"{file}: damaged summary ({error}); delete the folder and run it again") from None

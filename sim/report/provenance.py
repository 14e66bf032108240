"""Where the numbers of a report come from: versions, commit, model, host and a digest over all runs."""

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sim.core.manifest import Manifest


def provenance(manifests: Iterable["Manifest"]) -> dict[str, str]:
    """Facts by name, in the order to show them; where runs differ, every value is named."""
    every = list(manifests)
    keys = hashlib.sha256("\n".join(sorted(manifest.key for manifest in every)).encode()).hexdigest()
    versions = {f"{name} {version}" for manifest in every for name, version in manifest.versions.items()}
    hosts = {str(manifest.key_parts["host"]) for manifest in every if "host" in manifest.key_parts}
    machines = {
        ", ".join(f"{name} {value}" for name, value in manifest.host.items()) for manifest in every if manifest.host
    }
    facts = {
        "experiment": {manifest.experiment for manifest in every},
        "runs": {str(len(every))},
        "digest over the keys of all runs": {f"sha256:{keys}"},
        "model version": {manifest.model_version for manifest in every},
        "commit": {manifest.commit or "not in a checkout" for manifest in every},
        "versions": versions,
        "host constants": hosts,
        "measured on": machines,
        "measured at": _span({manifest.measured_at for manifest in every if manifest.measured_at}),
    }
    return {name: ", ".join(sorted(values)) for name, values in facts.items() if values - {""}}


def _span(times: set[str]) -> set[str]:
    """First and last of many times."""
    return {f"{min(times)} to {max(times)}"} if len(times) > 2 else times

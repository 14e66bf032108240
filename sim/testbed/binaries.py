"""The programs of the testbed: which versions, how each is built, and where the built ones lie."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sim.catalog.cache import cache_folder
from sim.core.errors import NotPossibleHere, RunFailed

CONTAINERD = "v2.4.2"
STARGZ = "v0.19.1"
REGISTRY = "v3.1.2"

# Programs built from published Go modules as they are.
INSTALLED: Mapping[str, str] = {
    "containerd": f"github.com/containerd/containerd/v2/cmd/containerd@{CONTAINERD}",
    "ctr": f"github.com/containerd/containerd/v2/cmd/ctr@{CONTAINERD}",
    "containerd-shim-runc-v2": f"github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2@{CONTAINERD}",
    "registry": f"github.com/distribution/distribution/v3/cmd/registry@{REGISTRY}",
}
# Programs of our own small module in tools/testbed, by folder.
OWN: Mapping[str, str] = {
    "lazypull-calib": "calib",
    "lazypull-client": "client",
    "lazypull-firstinstr": "firstinstr",
    "lazypull-forwarder": "forwarder",
    "lazypull-snapshotter": "snapshotter",
}


@dataclass(frozen=True, slots=True)
class Binaries:
    """Where the built programs lie."""

    folder: Path

    def path(self, name: str) -> Path:
        """A program's path. Raises `NotPossibleHere` if it has not been built."""
        found = self.folder / name
        if not found.is_file():
            raise NotPossibleHere(f"{found}: not built yet; run `lazypull testbed build`")
        return found


def built() -> Binaries:
    """The cached programs, built or not."""
    return Binaries(cache_folder() / "bin")


def source_folder() -> Path:
    """Our Go module. Raises `NotPossibleHere` in an installation without the repository's tools."""
    folder = Path(__file__).resolve().parents[2] / "tools" / "testbed"
    if not (folder / "go.mod").is_file():
        raise NotPossibleHere(f"{folder}: the testbed's Go sources are missing; work from a clone of the repository")
    return folder


def system_tool(name: str, package: str) -> str:
    """A program the distribution provides. Raises `NotPossibleHere` naming the package to install."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if found is None:
        raise NotPossibleHere(f"{name} is missing; install it, e.g. `apt-get install {package}`")
    return found


def build(*, rebuild_own: bool = True) -> Binaries:
    """Build what is missing (minutes the first time); our own module is rebuilt, which is quick when unchanged."""
    binaries = built()
    binaries.folder.mkdir(parents=True, exist_ok=True)
    go = shutil.which("go") or "/usr/local/go/bin/go"
    if not Path(go).exists():
        raise NotPossibleHere("go is missing; install Go 1.26 or newer to build the testbed")
    environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false", "GOBIN": str(binaries.folder)}
    for name, module in INSTALLED.items():
        if not (binaries.folder / name).exists():
            _run_go([go, "install", module], environment, None)
    for name, folder in OWN.items():
        if rebuild_own or not (binaries.folder / name).exists():
            _run_go([go, "build", "-o", str(binaries.folder / name), f"./{folder}"], environment, source_folder())
    return binaries


def _run_go(command: list[str], environment: Mapping[str, str], folder: Path | None) -> None:
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no output"])[-1]
        raise RunFailed(f"`{' '.join(command[:2])} … {command[-1]}` failed: {last}; see the Go module proxy settings")

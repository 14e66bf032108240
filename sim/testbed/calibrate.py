"""Measure this machine: run the micro-measurements on the real components and write a host file."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from sim.core.errors import NotPossibleHere
from sim.core.files import write_file
from sim.core.host import HOST_SCHEMA_VERSION, HostFile
from sim.testbed import binaries, calib, constants, containerd, disk, machine, process, pulls, synthetic
from sim.testbed.binaries import Binaries
from sim.testbed.fit import Sample

# Measures in the order taken and their repetitions: cheap ones more often. About three minutes in all.
REPETITIONS = {"hash": 8, "region": 8, "ahead": 5, "fuse": 5, "local": 5, "runtime": 20}
PULLS = 5  # cold pulls of each synthetic image


# All that constants of a host are made from, by what a workload of the same content would be called. `testbed validate`
# leaves a workload of such a name out: what was fitted on is never scored.
CALIBRATION_INPUTS = (
    "go-distribution",  # its binaries and sources: chunks, regions, layers unpacked and mounted (synthetic.py, calib)
    "repeating-lines",  # the same of lines that repeat
    "toc-of-small-files",  # lazy layers of 1,000 to 10,000 files of 64 bytes (synthetic.py)
    "first-instruction",  # images of one static program (calib/runtime.go), with tiny layers on top (synthetic.py)
)


def calibrate(*, scale: float = 1.0, rounds: int = 1, progress: Callable[[str], None] = lambda _: None) -> HostFile:
    """Measure every constant here and now; root needed (mounts, containers). Minutes; the machine should be idle.

    scale: multiplies the repetitions. rounds: how often all of it is measured, one after the other; a machine that
    others share is not the same for minutes on end. Raises `NotPossibleHere` without root, FUSE or a built testbed.
    """
    check_possible()
    programs = binaries.built()
    samples: list[Sample] = []
    for number in range(rounds):
        progress(f"round {number + 1} of {rounds}")
        samples += _round(programs, scale, progress)
    host = host_file(samples)
    host.machine["rounds"] = rounds
    return host


def _round(programs: Binaries, scale: float, progress: Callable[[str], None]) -> list[Sample]:
    samples: list[Sample] = []
    with disk.scratch() as folder, pulls.testbed() as addresses:
        for measure, repetitions in REPETITIONS.items():
            progress(f"measuring {measure}")
            take = _runtime if measure == "runtime" else _plain
            samples += take(measure, programs, folder / measure, max(2, round(repetitions * scale)))
        inputs = synthetic.contents(calib.go_root())
        pulled = pulls.Pulls(addresses, programs, folder / "pulls", inputs, max(2, round(PULLS * scale)))
        return samples + pulled.measure(progress)


def check_possible() -> None:
    """Raise `NotPossibleHere` unless this process may mount and start containers."""
    if os.geteuid() != 0:
        raise NotPossibleHere("the testbed mounts file systems and starts containers; run it as root")
    if not Path("/dev/fuse").exists():
        raise NotPossibleHere("/dev/fuse is missing; load the fuse module, or pass --device /dev/fuse to the container")


def host_file(samples: Sequence[Sample]) -> HostFile:
    """Constants and machine of a finished set of samples."""
    about = machine.describe()
    versions = {
        "go": about["go"],
        "stargz": f"stargz-snapshotter {about['stargz_snapshotter']}",
        "containerd": f"containerd {about['containerd']}",
        "kernel": f"Linux {about['kernel']}",
        "runtime": f"containerd {about['containerd']} with runc {about['runc']}",
    }
    measured = constants.Measured(samples, versions)
    about["gunzip"] = "containerd's own (no external program)"
    about["cv"] = "interquartile range / 1.349 / median of the repetitions"
    about["load"] = round(os.getloadavg()[0], 2)
    about["aside"] = constants.aside(measured)
    found = constants.host_constants(measured, cores=about["cores"])
    return HostFile(schema_version=HOST_SCHEMA_VERSION, machine=about, constants=found)


def write(host: HostFile, path: Path) -> None:
    """Write a host file, readable and in one step."""
    write_file(path, msgspec.json.format(msgspec.json.encode(host), indent=2) + b"\n")


def _plain(measure: str, programs: Binaries, folder: Path, repetitions: int) -> list[Sample]:
    return calib.run_measure([measure], programs, folder, repetitions)


def _runtime(measure: str, programs: Binaries, folder: Path, repetitions: int) -> list[Sample]:
    """Measure against a containerd of our own, started for this and stopped after it."""
    warm = [programs.path("containerd"), programs.path("containerd-shim-runc-v2"), binaries.system_tool("runc", "runc")]
    place = containerd.Containerd(folder / "node")
    containerd.start(place, programs)
    try:
        program = programs.path("lazypull-firstinstr")
        arguments = [measure, str(place.socket), str(program), *map(str, warm)]
        return calib.run_measure(arguments, programs, folder, repetitions)
    finally:
        process.stop("containerd", place.folder)

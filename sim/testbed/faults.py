"""`testbed faults`: try what can go wrong on the real stack, and write down what it does then."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from sim.catalog.workloads import recipe
from sim.core.errors import BadInput, RunFailed
from sim.core.files import write_file
from sim.experiment.single import Result
from sim.experiment.single import run as simulate
from sim.testbed import binaries, disk, images, link, machine, node, push, registry, snapshotter
from sim.testbed import up as testbeds
from sim.testbed.cold_run import Measured, Order, client, cold_run, run_where_no_node_is
from sim.testbed.commands import CommandFailed
from sim.testbed.fault_facts import (
    Facts,
    Predicted,
    Record,
    Retry,
    asked,
    last_lines,
    scrubbed,
    telling_lines,
    updated,
)
from sim.testbed.fault_kinds import LinkCut, Site
from sim.testbed.faults_document import render
from sim.testbed.inject import Course, injected
from sim.testbed.names import names
from sim.testbed.remains import remains
from sim.testbed.scenarios import SCENARIOS, Scenario

CLIENT_AT_MOST_S = 60.0  # some four times what the slowest scenario takes without its fault
DAEMONS = {"snapshotter": "stargz", "containerd": "containerd"}  # what a reader calls them, and their logs


def chosen(only: Sequence[str]) -> list[Scenario]:
    """The scenarios of these names, all without any. Raises `BadInput` for an unknown one."""
    known = {scenario.name: scenario for scenario in SCENARIOS}
    for name in only:
        if name not in known:
            raise BadInput(f"fault scenario {name!r}: there are {', '.join(known)}")
    return [known[name] for name in only] or list(SCENARIOS)


def try_fault(scenario: Scenario, *, testbed: str) -> Facts:
    """Run a start without the fault, then with it, take the testbed down and look for what it left.

    Raises `RunFailed` when the start fails without the fault, or ends before the fault happened.
    """
    here = names(testbed)
    addresses = testbeds.up(testbed, shape=link.Shape(), settings=snapshotter.Settings())
    try:
        layout = "estargz" if scenario.lazy else "gzip"
        folder = images.oci_folder(scenario.workload, layout)
        order = Order(
            image=push.push(folder, addresses.registry_host, scenario.workload, layout),
            lazy=scenario.lazy,
            shape=link.Shape(rate_bytes_s=scenario.rate_mbit_s * 1e6 / 8, rtt_s=scenario.rtt_s),
            settings=snapshotter.Settings(),
            readiness=recipe(scenario.workload).readiness,
            at_most_s=CLIENT_AT_MOST_S,
        )
        facts = _facts(scenario, Site(here, addresses, order, binaries.built()))
    finally:
        testbeds.down(testbed)
    return msgspec.structs.replace(facts, remains=remains(here))


def store(facts: Sequence[Facts], path: Path) -> None:
    """Put facts into a record's file, which may hold those of other scenarios already, and write its page beside it."""
    old = msgspec.json.decode(path.read_bytes(), type=Record) if path.exists() else None
    record = updated(old, machine.describe(), facts)
    write_file(path, msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n")
    write_file(path.with_suffix(".md"), render(record, SCENARIOS).encode())


def told(scenario: Scenario, facts: Facts) -> str:
    """One line on a scenario."""
    end = f"failed after {facts.ended_s:.1f} s: {facts.error}"
    if facts.phases_s is not None:
        end = f"ready after {facts.phases_s['total_s']:.1f} s"
    other = f"; EXPECTED WAS {scenario.expected.upper()}" if facts.status != scenario.expected else ""
    left = f"; LEFT BEHIND: {', '.join(facts.remains)}" if facts.remains else ""
    return f"{facts.scenario}: {end} (without the fault ready after {facts.normal_s['total_s']:.1f} s){other}{left}"


def is_expected(scenario: Scenario, facts: Facts) -> bool:
    """Whether a scenario ended as it should, and left nothing on the machine."""
    return facts.status == scenario.expected and not facts.remains


def _facts(scenario: Scenario, site: Site) -> Facts:
    normal = cold_run(site.here, site.addresses, site.order, site.programs)
    node.stop(site.here)
    course, served = Course(), site.here.folder / "registry"
    seen = registry.logged(served)
    end = _end(scenario, site, course)
    if scenario.fault is not None and course.happened is None:
        raise RunFailed(f"{scenario.name}: the run was over before the fault happened ({end})")
    facts = Facts(
        scenario=scenario.name,
        date=datetime.now(UTC).strftime("%Y-%m-%dT%H:%MZ"),
        status="failed" if isinstance(end, RunFailed) else "ready",
        normal_s=_rounded(normal.phases_s()),
        normal_asked=asked(normal.requests),
        asked=asked(registry.requests_since(served, seen)),
        ended_s=round(course.ended - course.asked, 3),
        phases_s=None if isinstance(end, RunFailed) else _rounded(end.phases_s()),
        error=_scrub(str(end), site) if isinstance(end, RunFailed) else None,
        happened_s=_since(course.happened, course.asked),
        undone_s=_since(course.undone, course.asked),
        seen=[text for text in (course.seen, course.seen_after) if text],
        logs={program: lines for program, lines in _logs(site, course, end).items() if lines},
        disk_used=None if scenario.disk_bytes is None else _used(node.place(site.here).folder),
        retry=None if scenario.undo_after_s is None else _retry(site),
        model=_predicted(scenario, course) if isinstance(scenario.fault, LinkCut) else None,
    )
    return msgspec.structs.replace(facts, repeated_s=[_again(scenario, site) for _ in range(1, scenario.times)])


def _again(scenario: Scenario, site: Site) -> float | None:
    """The same fault on a fresh node: seconds until ready, None if it fails."""
    node.stop(site.here)
    end = _end(scenario, site, Course())
    return None if isinstance(end, RunFailed) else round(end.phases_s()["total_s"], 3)


def _end(scenario: Scenario, site: Site, course: Course) -> Measured | RunFailed:
    @contextmanager
    def during() -> Iterator[None]:
        course.logged = {name: _daemon_log(site, name).stat().st_size for name in DAEMONS.values()}
        with injected(scenario, site, course):
            yield

    try:
        return run_where_no_node_is(
            site.here,
            site.addresses,
            site.order,
            site.programs,
            during,
            disk_bytes=scenario.disk_bytes or disk.NODE_BYTES,
        )
    except RunFailed as failure:
        return failure


def _logs(site: Site, course: Course, end: Measured | RunFailed) -> dict[str, list[str]]:
    found = {"client": last_lines(_scrub(end.complaint, site)) if isinstance(end, CommandFailed) else []}
    for program, name in DAEMONS.items():
        text = _daemon_log(site, name).read_bytes()[course.logged.get(name, 0) :]
        found[program] = telling_lines(_scrub(text.decode(errors="replace"), site))
    return found


def _scrub(text: str, site: Site) -> str:
    return scrubbed(text, {str(site.here.folder): "TESTBED", site.addresses.registry_host: "REGISTRY"})


def _used(folder: Path) -> int:
    disk = os.statvfs(folder)
    return (disk.f_blocks - disk.f_bfree) * disk.f_frsize


def _daemon_log(site: Site, name: str) -> Path:
    return node.place(site.here).folder / f"{name}.log"


def _retry(site: Site) -> Retry:
    try:
        instants = client(site.here, site.order, site.programs)
    except RunFailed as failure:
        return Retry(None, _scrub(str(failure), site))
    return Retry(round(instants.ready - instants.asked, 3), None)


def _predicted(scenario: Scenario, course: Course) -> Predicted:
    """The model on the same start, with the outage when it really was. Nothing of it is fitted to this."""
    start_s = _since(course.happened, course.asked) or 0.0
    duration_s = (_since(course.undone, course.asked) or start_s) - start_s
    network = {"rate": f"{scenario.rate_mbit_s:g} Mbit/s", "rtt": f"{scenario.rtt_s * 1e3:g}ms"}
    config = {"workload": scenario.workload, "strategy": scenario.preset, "what_ifs": False, "network": network}
    outages = [{"start": f"{start_s:.3f}s", "duration": f"{duration_s:.3f}s"}]
    without, cut = simulate(config), simulate({**config, "network": {**network, "outages": outages}})
    version = without.manifest.model_version
    return Predicted(_total_s(without), _total_s(cut), version)


def _since(instant: float | None, asked_s: float) -> float | None:
    return None if instant is None else round(instant - asked_s, 3)


def _rounded(phases_s: dict[str, float]) -> dict[str, float]:
    return {name: round(seconds, 3) for name, seconds in phases_s.items()}


def _total_s(result: Result) -> float:
    return round(float(result.summary["total_s"] or 0.0), 3)

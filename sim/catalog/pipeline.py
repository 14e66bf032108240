"""The stages that make a workload's folder in the catalog; each can be run again alone."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from statistics import median
from typing import Any, Literal

from sim.catalog.build import build_image, built_layers
from sim.catalog.convert import convert_image, convert_with_landmark
from sim.catalog.converter import converter_version
from sim.catalog.provenance import image_facts, note, now, origin_of, read_provenance, recording_facts
from sim.catalog.recordings import Recorded, ready_at, record_runs
from sim.catalog.workloads import SECOND_TRACE, TRACE_KINDS, Workload, recipe, workload, workload_folder
from sim.core.blocks import write_blocks
from sim.core.errors import ContentMismatch
from sim.core.trace import Trace, read_trace, write_trace
from sim.formats.blocks import measure_image

Stage = Literal["image", "convert", "blocks", "record", "time"]
STAGES: tuple[Stage, ...] = ("image", "convert", "blocks", "record", "time")
DELAYS_S = {"throttled": 0.005, "local": 0.0}  # why a recording is throttled: docs/model.md, "Replay"
MARK_RULE = "mark:"

Say = Callable[[str], None]
RecordOnce = Callable[[Workload, str, float], Trace]  # workload, readiness rule, delay per read in seconds


def make_image(name: str, *, pinned: bool, say: Say) -> None:
    """Build the image and note its packages and layers; says so when it is another than was noted.

    pinned: as the recipe and the image noted last have it, as far as the archives still do.
    """
    folder = workload_folder(name)
    before = read_provenance(folder).get("image")
    layers = build_image(name, origin_of(before if pinned else None), pinned=pinned, say=say)
    facts = image_facts(recipe(name), layers)
    if before is not None and before["layers"] == facts["layers"]:
        return
    note(folder, workload=name, image=facts)
    if before is not None:
        say(f"{name}: not the image that is recorded{_changed(before, facts)}; record it anew before measuring it")


def make_layouts(name: str, *, say: Say) -> None:
    """Write tree, gzip and eStargz layouts; note the content they are of."""
    built_layers(name)
    tree = convert_image(name, say)
    note(workload_folder(name), content_id=tree.content_id, converter=converter_version())


def make_blocks(name: str, *, say: Say) -> None:
    """Measure how well the image's blocks compress, so that layouts can be estimated. Raises `ContentMismatch`."""
    found, layers = workload(name), built_layers(name)
    say(f"{name}: measuring the blocks of {len(layers)} layers")
    _, _, blocks = measure_image([layer.blob for layer in layers])
    if blocks.content_id != found.content_id:
        raise ContentMismatch(
            f"{name}: the image has content {blocks.content_id}, the tree {found.content_id}; "
            f"run `lazypull catalog build {name}`"
        )
    write_blocks(found.blocks, blocks, {"workload": name, "read_from": "gzip layers"})


def make_traces(name: str, record_once: RecordOnce, *, runs: int, quiet_wait_s: float, say: Say) -> None:
    """Record at each delay, keep the middle run, then convert with the files of the throttled one in front."""
    found, made = workload(name), recipe(name)
    until = f"{MARK_RULE}{made.last_mark}" if made.last_mark else made.readiness
    notes = {}
    for kind, delay_s in DELAYS_S.items():
        say(f"{name}: recording {runs} times, {delay_s * 1000:g} ms a read")

        def once(delay_s: float = delay_s) -> Trace:
            trace = record_once(found, until, delay_s)
            say(f"{name}: ready after {trace.ready_ns / 1e9:.3f} s")
            return trace if until == made.readiness else ready_at(trace, _mark_of(made.readiness), made.readiness)

        recorded = record_runs(once, runs, quiet_wait_s=quiet_wait_s)
        _write(found, kind, recorded)
        notes[kind] = recording_facts(recorded)
    note(found.folder, recordings=notes)
    convert_with_landmark(name, say)


def time_plain_starts(name: str, time_once: Callable[[Workload], float], *, runs: int, say: Say) -> None:
    """Time the start on local files without a recorder; the median goes into the header of the local trace.

    The first run brings the files into memory and is not counted.
    """
    found = workload(name)
    say(f"{name}: timing {runs} starts without a recorder")
    time_once(found)
    seconds = [time_once(found) for _ in range(runs)]
    file = found.folder / TRACE_KINDS["local"]
    trace = read_trace(file)
    write_trace(file, replace(trace, header=replace(trace.header, plain_ready_s=median(seconds))))
    say(f"{name}: ready after {median(seconds):.3f} s")
    note(found.folder, plain={"noted_at": now(), "ready_s": [round(value, 6) for value in seconds]})


def _changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """The Debian packages that have other versions, as a half sentence; empty where none has."""
    one, other = (image["packages"]["debian"] for image in (before, after))
    names = sorted({name for name, _ in set(one.items()) ^ set(other.items())})
    return f" (other versions of {', '.join(names)})" if names else ""


def _write(found: Workload, kind: str, recorded: Recorded) -> None:
    write_trace(found.folder / TRACE_KINDS[kind], recorded.kept)
    if kind == "throttled" and recorded.second is not None:
        write_trace(found.folder / SECOND_TRACE, recorded.second)


def _mark_of(readiness: str) -> str:
    return readiness.removeprefix(MARK_RULE)

"""`lazypull catalog`: the real workloads that ship, and how each was built, converted and recorded."""

from typing import TYPE_CHECKING, Any

import click
import msgspec

if TYPE_CHECKING:
    from sim.catalog import Workload
    from sim.catalog.facts import Facts
    from sim.core.trace import Trace
    from sim.record import Recording

COLUMNS = ("workload", "gzip", "eStargz", "raw", "layers", "files", "ready local", "throttled", "reads")


@click.group()
def catalog() -> None:
    """List, show and build the workloads of the catalog."""


@catalog.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def list_all(*, as_json: bool) -> None:
    """List the workloads: sizes, layers, files, recorded start times."""
    from sim.catalog import names
    from sim.catalog.facts import facts

    rows = [facts(name) for name in names()]
    if as_json:
        click.echo(msgspec.json.encode(rows).decode())
        return
    _print_table([COLUMNS, *(_row(row) for row in rows)])


@catalog.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def show(name: str, *, as_json: bool) -> None:
    """Show all that is known of one workload."""
    from sim.catalog import workload
    from sim.catalog.facts import facts
    from sim.catalog.provenance import read_provenance

    found = facts(name)
    if as_json:
        document = msgspec.to_builtins(found) | {"provenance": read_provenance(workload(name).folder)}
        click.echo(msgspec.json.encode(document).decode())
        return
    _print_table(_details(found))


@catalog.command()
@click.argument("name")
@click.option(
    "--stage", "only", type=click.Choice(("image", "convert", "blocks", "record", "time")), help="Run this stage only."
)
@click.option("--record", "with_record", is_flag=True, help="Record too, after image, conversion and blocks.")
@click.option("--latest", is_flag=True, help="Take the versions the archives have now, not those of the recipe.")
@click.option("--runs", type=click.IntRange(min=1), default=3, show_default=True, help="Recordings at each delay.")
@click.option("--quiet-wait", "quiet_wait_s", type=float, default=300.0, show_default=True, help="Seconds, at most.")
def build(name: str, only: str | None, *, with_record: bool, latest: bool, runs: int, quiet_wait_s: float) -> None:
    """Build an image from its recipe, convert it, measure its blocks and, with --record, record it. Needs root."""
    from sim.catalog import pipeline

    chosen = (only,) if only else pipeline.STAGES if with_record else ("image", "convert", "blocks")
    if "image" in chosen:
        pipeline.make_image(name, pinned=not latest, say=_say)
    if "convert" in chosen:
        pipeline.make_layouts(name, say=_say)
    if "blocks" in chosen:
        pipeline.make_blocks(name, say=_say)
    if "record" in chosen:
        pipeline.make_traces(name, _record_once, runs=runs, quiet_wait_s=quiet_wait_s, say=_say)
    if "time" in chosen:
        pipeline.time_plain_starts(name, _time_once, runs=runs, say=_say)


def _record_once(found: "Workload", readiness: str, read_delay_s: float) -> "Trace":
    from sim.record import record

    return record(_recording(found, readiness, read_delay_s))


def _time_once(found: "Workload") -> float:
    from sim.catalog.workloads import recipe
    from sim.record import time_plain

    return time_plain(_recording(found, recipe(found.name).readiness, 0.0))


def _recording(found: "Workload", readiness: str, read_delay_s: float) -> "Recording":
    from sim.catalog.build import lowers
    from sim.record import Recording

    return Recording(
        workload=found.name,
        content_id=found.content_id,
        lowers=lowers(found.name),
        command=found.command,
        env=found.env,
        cwd=found.cwd,
        readiness=readiness,
        read_delay_s=read_delay_s,
    )


def _say(text: str) -> None:
    click.echo(text, err=True)


def _row(found: "Facts") -> tuple[str, ...]:
    from sim.core.units import format_size

    sizes = [format_size(found.sizes[kind]) if kind in found.sizes else "-" for kind in ("gzip", "estargz")]
    local, throttled = (found.traces.get(kind) for kind in ("local", "throttled"))
    starts = [f"{trace.ready_s:.2f} s" if trace else "-" for trace in (local, throttled)]
    reads = str(throttled.reads) if throttled else "-"
    return (found.name, *sizes, format_size(found.raw_size), str(found.layers), str(found.files), *starts, reads)


def _details(found: "Facts") -> list[tuple[str, ...]]:
    from sim.core.units import format_size

    rows: list[tuple[Any, ...]] = [
        ("workload", found.name),
        ("is", found.title),
        ("command", " ".join(found.command)),
        ("ready when", found.readiness),
        ("content", found.content_id),
        ("layers, files", f"{found.layers}, {found.files}"),
        ("raw", format_size(found.raw_size)),
        *((kind, format_size(size)) for kind, size in found.sizes.items()),
    ]
    for kind, trace in found.traces.items():
        steps = ", ".join(f"{name} {at_s:.2f} s" for name, at_s in trace.steps.items())
        text = (
            f"ready after {trace.ready_s:.3f} s, {trace.operations} operations, {trace.reads} reads of "
            f"{format_size(trace.read_bytes)}, copied up {format_size(trace.copy_up_bytes)}, {trace.threads} threads"
        )
        rows.append((f"{kind} trace", f"{text}; {steps}" if steps else text))
    return rows


def _print_table(rows: list[tuple[str, ...]]) -> None:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        click.echo("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())

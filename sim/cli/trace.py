"""`lazypull trace`: record a workload or import a list, look at a trace, check it, test the replay by perturbation."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from sim.core.errors import BadInput
from sim.core.units import parse_duration

if TYPE_CHECKING:
    from sim.core.tree import Tree
    from sim.record import Recording
    from sim.trace.imported import Place


class Duration(click.ParamType[float]):
    """A time like 5ms, as seconds."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read the text; a wrong one is wrong use."""
        try:
            return parse_duration(value)
        except BadInput as error:
            self.fail(str(error), param, ctx)


def _what_to_run(command: Any) -> Any:
    """Add the options that say what to run, shared by `record` and `perturb`."""
    options = [
        click.option("--workload", "name", help="Workload of the catalog."),
        click.option(
            "--lower", "lowers", multiple=True, type=click.Path(path_type=Path), help="Unpacked layer, lowest first."
        ),
        click.option("--readiness", help="exit, line:REGEX, tcp:PORT, http:PORT/PATH or mark:NAME."),
        click.option("--last-mark", help="Go on after ready until the workload sets this mark."),
        click.option("--env", "env", multiple=True, metavar="NAME=VALUE", help="Set a variable."),
        click.option("--cwd", help="Working directory."),
        click.option("--content-id", help="Content id of the layers' tree, for --lower."),
        click.option("--timeout", "timeout_s", type=Duration(), default="10min", show_default=True),
        click.option("--keep-cache", is_flag=True, help="Do not drop this machine's page cache before a run."),
        click.argument("command", nargs=-1),
    ]
    for option in reversed(options):
        command = option(command)
    return command


@click.group()
def trace() -> None:
    """Record, show, check and test traces of starting containers."""


@trace.command()
@_what_to_run
@click.option("--read-delay", "read_delay_s", type=Duration(), default="5ms", show_default=True)
@click.option("-o", "--out", type=click.Path(path_type=Path), required=True, help="Where the trace goes.")
def record(out: Path, **what: Any) -> None:
    """Record COMMAND, or a workload's own command, in an image's layers. Needs root and FUSE."""
    from sim.core.trace import write_trace
    from sim.record import record as run
    from sim.trace.summary import describe, summarise

    recorded = run(_recording(**what))
    write_trace(out, recorded)
    click.echo(describe(summarise(recorded)), err=True)


@trace.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--tree", "tree_path", type=click.Path(path_type=Path), required=True, help="Tree of the image.")
@click.option("--workload", "name", default="imported", show_default=True, help="Name in the trace.")
@click.option("-o", "--out", type=click.Path(path_type=Path), required=True, help="Where the trace goes.")
def import_list(file: Path, tree_path: Path, name: str, out: Path) -> None:
    """Make a trace of a CSV list of accesses: path and, where known, offset, length, thread, start_s, end_s."""
    from sim.core.trace import write_trace
    from sim.core.tree import read_tree
    from sim.trace.imported import read_accesses, trace_of
    from sim.trace.summary import describe, summarise

    tree = read_tree(tree_path)
    made = trace_of(
        read_accesses(file), find=_file_finder(tree), content_id=tree.content_id, workload=name, source=file.name
    )
    write_trace(out, made)
    click.echo(describe(summarise(made)), err=True)


@trace.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def show(path: Path, *, as_json: bool) -> None:
    """Say what a trace holds."""
    from sim.core.trace import read_trace
    from sim.trace.summary import describe, summarise

    summary = summarise(read_trace(path))
    click.echo(msgspec.json.encode(summary).decode() if as_json else describe(summary))


@trace.command()
@click.argument("path", type=click.Path(path_type=Path))
def check(path: Path) -> None:
    """Refuse a trace that is damaged, breaks a rule of the format or lost events."""
    from sim.core.trace import read_trace
    from sim.trace.check import check_trace

    check_trace(read_trace(path))
    click.echo(f"{path}: whole", err=True)


@trace.command()
@_what_to_run
@click.option("--recorded", "read_delay_s", type=Duration(), default="5ms", show_default=True)
@click.option("--predict", "delays_s", type=Duration(), multiple=True, default=("20ms", "50ms"), show_default=True)
@click.option("--runs", type=click.IntRange(min=1), default=3, show_default=True, help="Real runs of each delay.")
@click.option("--recordings", type=click.IntRange(min=1), default=1, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def perturb(delays_s: tuple[float, ...], runs: int, recordings: int, *, as_json: bool, **what: Any) -> None:
    """Record at one delay per read, predict others, run them and print the errors."""
    from sim.record.perturb import perturb as run

    rows = run(
        _recording(**what),
        delays_s,
        runs=runs,
        recordings=recordings,
        progress=lambda text: click.echo(text, err=True),
    )
    if as_json:
        click.echo(msgspec.json.encode(rows).decode())
        return
    click.echo("delay ms  predicted s  real s  spread  error")
    for row in rows:
        seconds = f"{row.predicted_s:11.3f}  {row.real_median_s:6.3f}"
        click.echo(f"{row.read_delay_s * 1000:8g}  {seconds}  {row.spread:5.1%}  {row.error:+5.1%}")


def _recording(
    *,
    name: str | None,
    lowers: tuple[Path, ...],
    readiness: str | None,
    last_mark: str | None,
    env: tuple[str, ...],
    cwd: str | None,
    content_id: str | None,
    command: tuple[str, ...],
    timeout_s: float,
    keep_cache: bool,
    read_delay_s: float,
) -> "Recording":
    from sim.record import Recording

    if (name is None) == (not lowers):
        raise BadInput("say what to run: either --workload NAME or --lower DIR (once a layer) with a command after --")
    chosen: dict[str, Any] = {} if name is None else _of_catalog(name)
    given = {
        "lowers": lowers,
        "command": command,
        "readiness": readiness,
        "last_mark": last_mark,
        "cwd": cwd,
        "content_id": content_id,
    }
    chosen |= {key: value for key, value in given.items() if value}
    if env:
        chosen["env"] = {**chosen.get("env", _default_env()), **dict(_variable(text) for text in env)}
    base = {"workload": "unnamed", "content_id": "unknown", "command": ()}
    return Recording(**base | chosen, read_delay_s=read_delay_s, timeout_s=timeout_s, drop_caches=not keep_cache)


def _file_finder(tree: "Tree") -> "Callable[[str], Place | None]":
    """Find the layer and size of a regular file in the merged image."""
    from sim.semantics.overlay import Overlay
    from sim.trace.imported import Place

    layers: list[list[tuple[str, str, int]]] = [[] for _ in range(tree.layers)]
    for row in tree.files.select(["layer", "path", "kind", "size"]).to_pylist():
        layers[row["layer"]].append((row["path"], row["kind"], row["size"]))
    overlay = Overlay(layers)

    def find(path: str) -> Place | None:
        found = overlay.lookup(path)
        if found is None or found.layer is None or found.kind != "reg":
            return None
        return Place(found.layer, found.size)

    return find


def _of_catalog(name: str) -> dict[str, Any]:
    from sim.catalog import build, workload, workloads

    found = workload(name)
    fields = ("command", "env", "cwd", "readiness", "content_id")
    chosen = {field: getattr(found, field) for field in fields}
    return {"workload": name, "lowers": build.lowers(name), "last_mark": workloads.recipe(name).last_mark} | chosen


def _default_env() -> dict[str, str]:
    from sim.record.recording import DEFAULT_ENV

    return DEFAULT_ENV


def _variable(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise BadInput(f"--env {text!r}: write NAME=VALUE")
    return name, value

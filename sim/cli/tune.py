"""`lazypull tune`: which layout and which settings of the snapshotter start a recorded workload soonest."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from sim.cli.registry import platform_option, registry_access, registry_options

if TYPE_CHECKING:
    from sim.tune.subject import Subject
    from sim.tune.tuning import Search, Tuning

EXECUTOR_NAMES = ("serial", "processes", "dask")  # of sim.experiment.executors, without importing it for --help
SEARCHES = ("grid", "optuna")
DEFAULT_NETWORK = "100 Mbit/s,20ms"


@click.command()
@click.argument("image")
@click.argument("traces", metavar="[TRACE]...", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--network", "networks", multiple=True, metavar="RATE,RTT", help=f"Repeatable.  [default: {DEFAULT_NETWORK}]"
)
@click.option(
    "--judge",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Recording to judge on; repeatable.  [default: second]",
)
@click.option("--host", default="reference", show_default=True, help="Host to simulate: a name of hosts/ or a file.")
@click.option("--search", type=click.Choice(SEARCHES), default="grid", show_default=True)
@click.option("--trials", type=click.IntRange(min=1), help="Candidates at most.  [default: the whole grid; optuna 200]")
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Of Optuna's sampler.")
@click.option("--recheck/--no-recheck", default=True, help="Write the winner's layers and start it on them, too.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder for document, table of starts and Pareto figure.")
@click.option("--output", metavar="REF", help="Write the winning image here.")
@click.option("--executor", type=click.Choice(EXECUTOR_NAMES), default="processes", show_default=True)
@click.option("--jobs", type=click.IntRange(min=1), help="Processes at once.  [default: usable cores]")
@platform_option
@registry_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of tables.")
def tune(
    *,
    image: str,
    traces: tuple[Path, ...],
    networks: tuple[str, ...],
    judge: tuple[Path, ...],
    host: str,
    search: "Search",
    trials: int | None,
    seed: int,
    recheck: bool,
    out: Path | None,
    output: str | None,
    executor: str,
    jobs: int | None,
    as_json: bool,
    **registry: Any,
) -> None:
    """Find the layout and the snapshotter's settings that start IMAGE soonest, as each TRACE recorded it.

    IMAGE is a workload of the catalog, whose throttled recording is the default TRACE; or an image, named as in
    `lazypull image` (a registry's as docker://NAME), whose layers are then fetched and measured first.
    """
    import msgspec

    from sim.cli.progress import progress
    from sim.cli.tuning import tuning_text
    from sim.experiment.executors import make_executor
    from sim.tune.document import document, write_tuning
    from sim.tune.tuning import most_candidates
    from sim.tune.tuning import tune as run

    chosen = make_executor(executor, jobs)
    source = None if output is None else _source(image)
    with TemporaryDirectory(prefix="lazypull-tune-") as scratch:
        subject = _subject(image, traces, judge, networks=networks, host=host, scratch=Path(scratch), registry=registry)
        with progress(most_candidates(search, trials), subject.name) as advance:
            tuning = run(subject, chosen, search=search, trials=trials, seed=seed, recheck=recheck, advance=advance)
    files = [] if out is None else [str(file) for file in write_tuning(tuning, out)]
    digest = _write_winner(tuning, source, output, registry) if source and output else None
    if as_json:
        made = {"files": files, "output": output, "output_digest": digest}
        click.echo(msgspec.json.format(msgspec.json.encode(document(tuning) | made), indent=1))
        return
    written = [] if digest is None else [f"{output}: the winner, {digest}"]
    click.echo("\n\n".join([tuning_text(tuning), *(["\n".join([*files, *written])] if files or written else [])]))


def _is_reference(image: str) -> bool:
    """Names of workloads are plain words; everything else names an image."""
    return ":" in image or "/" in image or Path(image).exists()


def _subject(
    image: str,
    traces: tuple[Path, ...],
    judge: tuple[Path, ...],
    *,
    networks: tuple[str, ...],
    host: str,
    scratch: Path,
    registry: dict[str, Any],
) -> "Subject":
    from sim.core.host import load_host
    from sim.experiment.plan import host_file
    from sim.tune.gather import subject_of_image, subject_of_workload
    from sim.tune.subject import parse_network

    known: dict[str, Any] = {
        "networks": dict(map(parse_network, networks or (DEFAULT_NETWORK,))),
        "host": load_host(host_file(host, Path())).host,
    }
    if not _is_reference(image):
        return subject_of_workload(image, traces, judge, **known)
    return subject_of_image(image, traces, judge, **known, scratch=scratch, **_opening(registry))


def _opening(registry: dict[str, Any]) -> dict[str, Any]:
    access = registry_access(plain_http=registry["plain_http"], ca_file=registry["ca_file"])
    return {"platform": registry["platform"], "access": access}


def _source(image: str) -> str:
    """Reference of the image that the winner is written from."""
    from sim.tune.output import source_of_workload

    return image if _is_reference(image) else source_of_workload(image)


def _write_winner(tuning: "Tuning", source: str, output: str, registry: dict[str, Any]) -> str:
    """Write the winning image; returns its digest."""
    from sim.cli.steps import steps
    from sim.tune.output import write_image

    winner, opening = tuning.winner.candidate, _opening(registry)
    with steps(tuning.subject.tree.layers) as step:
        return write_image(tuning.subject, winner, source, output, step=step, **opening).digest

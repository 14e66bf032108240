"""`lazypull tune`: which layout and which settings of the snapshotter start a recorded workload soonest."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from sim.tune.subject import Subject
    from sim.tune.tuning import Search

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
) -> None:
    """Find the layout and the snapshotter's settings that start IMAGE soonest, as each TRACE recorded it.

    IMAGE is a workload of the catalog, whose throttled recording is the default TRACE.
    """
    import msgspec

    from sim.cli.progress import progress
    from sim.cli.tuning import tuning_text
    from sim.experiment.executors import make_executor
    from sim.tune.document import document, write_tuning
    from sim.tune.tuning import most_candidates
    from sim.tune.tuning import tune as run

    chosen = make_executor(executor, jobs)
    subject = _subject(image, traces, judge, networks or (DEFAULT_NETWORK,), host)
    with progress(most_candidates(search, trials), subject.name) as advance:
        tuning = run(subject, chosen, search=search, trials=trials, seed=seed, recheck=recheck, advance=advance)
    files = [] if out is None else [str(file) for file in write_tuning(tuning, out)]
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(document(tuning) | {"files": files}), indent=1))
    else:
        click.echo("\n\n".join([tuning_text(tuning), *(["\n".join(files)] if files else [])]))


def _subject(
    image: str, traces: tuple[Path, ...], judge: tuple[Path, ...], networks: tuple[str, ...], host: str
) -> "Subject":
    from sim.core.host import load_host
    from sim.experiment.plan import host_file
    from sim.tune.gather import subject_of_workload
    from sim.tune.subject import parse_network

    return subject_of_workload(
        image,
        traces,
        judge,
        networks=dict(map(parse_network, networks)),
        host=load_host(host_file(host, Path())).host,
    )

"""`lazypull run`: an experiment file to results, and a table of them."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    import pyarrow as pa

    from sim.experiment.plan import Plan
    from sim.experiment.runner import Outcome

EXECUTOR_NAMES = ("serial", "processes", "dask")  # of sim.experiment.executors, without importing it for --help


@click.command()
@click.argument("config", type=click.Path(path_type=Path))
@click.option("--set", "sets", multiple=True, metavar="A.B=C", help="Override a value; `matrix.A.B=[…]` an axis.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("results"), show_default=True, help="Where to.")
@click.option("--executor", type=click.Choice(EXECUTOR_NAMES), default="processes", show_default=True)
@click.option("--jobs", type=click.IntRange(min=1), help="Processes at once.  [default: usable cores]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of a table.")
@click.option("--dry-run", is_flag=True, help="Check everything and say how many runs there are; write nothing.")
def run(
    *, config: Path, sets: tuple[str, ...], out: Path, executor: str, jobs: int | None, as_json: bool, dry_run: bool
) -> None:
    """Run the experiment file CONFIG. Runs that are stored already are not run again."""
    from sim.experiment.executors import make_executor
    from sim.experiment.load import load_experiment
    from sim.experiment.plan import make_plan
    from sim.experiment.runner import run_plan

    chosen = make_executor(executor, jobs)
    plan = make_plan(load_experiment(config, sets))
    if dry_run:
        _print_plan(plan, out, as_json=as_json)
        return
    from sim.cli.progress import progress

    with progress(len(plan.tasks), plan.experiment.name) as advance:
        outcome = run_plan(plan, out, chosen, advance)
    _print_outcome(plan, outcome, as_json=as_json)


def _print_plan(plan: "Plan", out: Path, *, as_json: bool) -> None:
    from sim.core.store import is_complete

    folder = out / plan.experiment.name
    stored = sum(is_complete(folder, task.manifest.key) for task in plan.tasks)
    if as_json:
        _print_json({"experiment": plan.experiment.name, "runs": len(plan.tasks), "stored": stored})
    else:
        click.echo(f"{plan.experiment.name}: {len(plan.tasks)} runs, {stored} of them stored in {folder}")


def _print_outcome(plan: "Plan", outcome: "Outcome", *, as_json: bool) -> None:
    from sim.core.errors import RunFailed
    from sim.core.manifest import FOLDER_KEY_LENGTH
    from sim.core.store import runs_table

    runs = runs_table(outcome.folder / key[:FOLDER_KEY_LENGTH] for key in outcome.keys)
    if as_json:
        about = {"experiment": plan.experiment.name, "claim": plan.experiment.claim, "folder": str(outcome.folder)}
        counts = {"done": outcome.done, "skipped": outcome.skipped, "failed": len(outcome.failed)}
        _print_json({**about, **counts, "runs": runs.to_pylist()})
    else:
        _print_tables(plan, outcome, runs)
    if outcome.failed:
        first = outcome.failed[0]
        raise RunFailed(
            f"{len(outcome.failed)} of {runs.num_rows} runs failed, the others are stored; "
            f"first: {outcome.folder / first.key[:FOLDER_KEY_LENGTH]}: {first.error}"
        )


def _print_tables(plan: "Plan", outcome: "Outcome", runs: "pa.Table") -> None:
    from sim.cli.runs import reference_slice, runs_text

    rows = runs.to_pylist()
    shown = reference_slice(rows)
    click.echo(runs_text(shown))
    click.echo(f"\n{len(shown)} of {len(rows)} runs are shown, times in seconds; all: {outcome.folder}/runs.parquet")
    if any(path.startswith("image.") for path in plan.experiment.varied):
        from sim.cli.crossings import crossings_text

        click.echo(f"\nWhich is sooner:\n{crossings_text(runs.to_pandas())}")


def _print_json(document: object) -> None:
    import msgspec

    click.echo(msgspec.json.format(msgspec.json.encode(document), indent=1))

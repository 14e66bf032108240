"""`lazypull report`: a page with pictures and a timeline from the results of one experiment."""

import json
from pathlib import Path

import click


@click.command()
@click.argument("results", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="Folder to write into.  [default: RESULTS/report]")
@click.option(
    "--timeline", "timeline_of", multiple=True, metavar="RUN", help="Run to show in the timeline; repeatable."
)
@click.option("--json", "as_json", is_flag=True, help="Print the paths of all files as JSON.")
def report(results: Path, out: Path | None, timeline_of: tuple[str, ...], as_json: bool) -> None:
    """Write RESULTS (the folder of one experiment) as one HTML page, with PNGs and a Perfetto timeline beside it."""
    from sim.report.build import write_report

    written = write_report(results, out, timeline_of=timeline_of)
    if as_json:
        figures = [str(figure) for figure in written.figures]
        click.echo(json.dumps({"page": str(written.page), "timeline": str(written.timeline), "figures": figures}))
    else:
        click.echo(written.page)

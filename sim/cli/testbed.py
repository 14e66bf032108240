"""`lazypull testbed`: the same experiment on real containerd, snapshotter and registry. Needs root."""

from pathlib import Path

import click


@click.group()
def testbed() -> None:
    """Measure on the real stack: containerd, snapshotter and registry on this machine (needs root)."""


@testbed.command()
def build() -> None:
    """Build what is missing of the testbed's programs, into the cache outside the repository."""
    from sim.testbed import binaries

    programs = binaries.build()
    click.echo(f"testbed programs are in {programs.folder}", err=True)


@testbed.command()
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Host file to write.")
@click.option("--scale", type=click.FloatRange(min=0.1), default=1.0, show_default=True, help="Multiplies repetitions.")
@click.option("--rounds", type=click.IntRange(min=1), default=1, show_default=True, help="How often to measure it all.")
def calibrate(out: Path, scale: float, rounds: int) -> None:
    """Measure this machine's constants and write them as a host file."""
    from sim.testbed import calibrate as measuring

    host = measuring.calibrate(scale=scale, rounds=rounds, progress=lambda text: click.echo(text, err=True))
    measuring.write(host, out)
    click.echo(f"wrote {len(host.constants)} constants to {out}", err=True)


_name = click.option("--name", default="main", show_default=True, help="One to eight of a-z, 0-9; two can run at once.")


@testbed.command()
@_name
@click.option("--mbit", type=click.FloatRange(min=0), default=0.0, help="Rate of the link, Mbit/s; 0 is unlimited.")
@click.option("--rtt-ms", type=click.FloatRange(min=0), default=0.0, help="Round trip of the link, milliseconds.")
@click.option("--prefetch/--no-prefetch", default=False, help="Whether the snapshotter fetches up to landmarks.")
@click.option("--background/--no-background", default=False, help="Whether it fetches the rest when idle.")
def up(name: str, mbit: float, rtt_ms: float, prefetch: bool, background: bool) -> None:
    """Start a registry behind a shaped link, and a cold node with containerd and a lazy snapshotter."""
    from sim.testbed import snapshotter
    from sim.testbed import up as testbeds
    from sim.testbed.link import Shape

    shape = Shape(rate_bytes_s=mbit * 1e6 / 8, rtt_s=rtt_ms / 1e3)
    settings = snapshotter.Settings(prefetch=prefetch, background=background)
    addresses = testbeds.up(name, shape=shape, settings=settings)
    click.echo(f"testbed {name} is up; its registry is {addresses.registry_host}", err=True)


@testbed.command()
@_name
def down(name: str) -> None:
    """Stop a testbed and remove all it made, also after a kill."""
    from sim.testbed import up as testbeds

    gone = testbeds.down(name)
    click.echo(f"testbed {name} is down" if gone else f"there was no testbed {name}", err=True)


@testbed.command()
@_name
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def status(name: str, as_json: bool) -> None:
    """Say which parts of a testbed run."""
    from sim.testbed import up as testbeds

    found = testbeds.status(name)
    if as_json:
        click.echo(testbeds.encode_status(found))
        return
    for daemon, running in found.running.items():
        click.echo(f"{daemon:12} {'running' if running else 'not running'}")
    click.echo(f"{'registry at':12} {found.registry or 'nowhere'}")
    click.echo(f"{'mounts':12} {found.mounts}")


_config = click.argument("config", type=click.Path(path_type=Path))
_sets = click.option(
    "--set", "sets", multiple=True, metavar="A.B=C", help="Override a value; `matrix.A.B=[…]` an axis."
)
_results = click.option(
    "--out", type=click.Path(path_type=Path), default=Path("results"), show_default=True, help="Where to."
)


@testbed.command()
@_config
@_sets
@_results
@click.option("--name", default="measure", show_default=True, help="Testbed to bring up for it.")
def measure(config: Path, sets: tuple[str, ...], out: Path, name: str) -> None:
    """Run the experiment file CONFIG on the real stack; replicates are repetitions. Resumes like `run`."""
    from sim.core.errors import RunFailed
    from sim.experiment.load import load_experiment
    from sim.experiment.plan import make_plan
    from sim.testbed import measure as measuring

    plan = make_plan(load_experiment(config, sets))
    outcome = measuring.measure(plan, out, testbed=name, say=lambda text: click.echo(text, err=True))
    click.echo(
        f"{outcome.done} runs measured, {outcome.stored} stored before, {outcome.failed} failed, "
        f"{outcome.impossible} without a real counterpart: {outcome.folder}"
    )
    if outcome.failed:
        raise RunFailed(f"{outcome.failed} runs failed; each says why in its manifest below {outcome.folder}")


@testbed.command()
@_config
@_sets
@_results
@click.option("--name", default="validate", show_default=True, help="Testbed to bring up for it.")
@click.option("--measure-only", is_flag=True, help="Register and measure; simulate and compare another time.")
@click.option("--no-measure", is_flag=True, help="Simulate and compare what is measured already.")
def validate(
    *, config: Path, sets: tuple[str, ...], out: Path, name: str, measure_only: bool, no_measure: bool
) -> None:
    """Measure and simulate the experiment file CONFIG and write how far they are apart. Resumes.

    The model and the host's constants are registered beside the results before anything is measured.
    """
    from sim.core.errors import RunFailed
    from sim.testbed import validate as validating

    if measure_only and no_measure:
        raise click.UsageError("--measure-only and --no-measure leave nothing to do; pass one of them")

    def say(text: str) -> None:
        click.echo(text, err=True)

    what = validating.subject(config, sets)
    failed = 0
    if not no_measure:
        _, outcomes = validating.measure_registered(what, out, testbed=name, say=say)
        failed = sum(outcome.failed for outcome in outcomes)
        done, stored = (sum(getattr(outcome, key) for outcome in outcomes) for key in ("done", "stored"))
        click.echo(f"{done} runs measured, {stored} stored before, {failed} failed: {outcomes[0].folder}")
    if not measure_only:
        from sim.experiment.executors import make_executor

        click.echo(validating.simulate_and_compare(what, out, executor=make_executor("processes"), say=say))
    if failed:
        raise RunFailed(f"{failed} runs failed; each says why in its manifest below {out / what.plan.experiment.name}")


@testbed.command()
@click.option(
    "--out", type=click.Path(path_type=Path), help="Record to put the facts into, a .json; its .md is written."
)
@click.option("--name", default="faults", show_default=True, help="Testbed to bring up for each scenario.")
@click.option("--only", multiple=True, metavar="SCENARIO", help="Only this one; may be repeated.")
def faults(out: Path | None, name: str, only: tuple[str, ...]) -> None:
    """Try what can go wrong on the real stack: registry, link, snapshotter, disk. About a minute a scenario."""
    from sim.core.errors import RunFailed
    from sim.testbed import faults as trying

    other = []
    for scenario in trying.chosen(only):
        facts = trying.try_fault(scenario, testbed=name)
        click.echo(trying.told(scenario, facts))
        if out is not None:
            trying.store([facts], out)
        if not trying.is_expected(scenario, facts):
            other.append(scenario.name)
    if other:
        raise RunFailed(f"{', '.join(other)}: ended other than expected, or left something behind; see above")

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
def calibrate(out: Path, scale: float) -> None:
    """Measure this machine's constants and write them as a host file."""
    from sim.testbed import calibrate as measuring

    host = measuring.calibrate(scale=scale, progress=lambda text: click.echo(text, err=True))
    measuring.write(host, out)
    click.echo(f"wrote {len(host.constants)} constants to {out}", err=True)

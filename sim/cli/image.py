"""`lazypull image`: look at images, convert them to lazy formats, check them, make synthetic ones."""

from typing import TYPE_CHECKING, Any

import click
import msgspec

from sim.core.errors import BadInput

if TYPE_CHECKING:
    from sim.image.synth import Synthesised


class Size(click.ParamType[int]):
    """A size like 4MiB or 4096, as bytes."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read the text; a wrong one is wrong use."""
        from sim.image.filesizes import bytes_of

        try:
            return value if isinstance(value, int) else bytes_of(value)
        except BadInput as error:
            self.fail(str(error), param, ctx)


@click.group()
def image() -> None:
    """Show, convert, verify and make up images: folders, archives, registries.

    An image is named oci:FOLDER[:TAG], oci-archive:FILE[:TAG], docker-archive:FILE[:REPO:TAG], [docker://]NAME[:TAG]
    or by the path of a folder or archive.
    """


@image.command()
@click.argument("dst")
@click.option("--size", "size_bytes", type=Size(), required=True, help="Bytes of all files, before compression.")
@click.option("--files", type=click.IntRange(min=1), help="How many; sizes are then scaled.  [default: as many as fit]")
@click.option(
    "--file-size",
    "file_sizes",
    default="lognormal:8kB:2",
    show_default=True,
    help="lognormal:MEDIAN:SIGMA or fixed:SIZE.",
)
@click.option("--compressibility", type=float, default=0.5, show_default=True, help="Share that gzip saves, 0 to 1.")
@click.option("--layers", type=int, default=1, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True, help="Same options and seed, same image.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def synth(dst: str, *, file_sizes: str, as_json: bool, **options: Any) -> None:
    """Make an image of made-up files at DST. It is labelled as synthetic."""
    from sim.cli.progress import progress
    from sim.core.units import format_size
    from sim.image.filesizes import parse_file_sizes
    from sim.image.synth import SynthOptions, synthesise
    from sim.oci import create_image

    chosen = SynthOptions(file_sizes=parse_file_sizes(file_sizes), **options)
    with create_image(dst) as sink, progress(chosen.size_bytes, "bytes") as advance:
        made: Synthesised = synthesise(sink, chosen, advance=advance)
    if as_json:
        click.echo(msgspec.json.encode(made).decode())
        return
    click.echo(
        f"{dst}: {made.digest}\n{made.files} files of {format_size(made.raw_size_bytes)} in {made.layers} layers of"
        f" {format_size(made.size_bytes)}; made up, and labelled so"
    )

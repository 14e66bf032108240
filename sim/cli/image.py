"""`lazypull image`: look at images, convert them to lazy formats, check them, make synthetic ones."""

from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from sim.cli.registry import platform_option, registry_access, registry_options
from sim.cli.steps import steps
from sim.core.errors import BadInput

if TYPE_CHECKING:
    from sim.image.convert import Choose
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
@click.argument("ref")
@click.option("--layers", "with_layers", is_flag=True, help="All that is known of each layer, chunk sizes too.")
@click.option("--files", "with_files", is_flag=True, help="Each file; an ordinary layer is read whole for it.")
@platform_option
@registry_options
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def show(
    ref: str, *, with_layers: bool, with_files: bool, platform: str | None, as_json: bool, **registry: Any
) -> None:
    """Say what the image REF is made of: formats, sizes, tables of contents, chunks, landmarks.

    Of an image in a registry only documents and tables of contents are fetched, unless --files needs more.
    """
    from sim.image.layers import open_layers
    from sim.image.show import show_image

    with open_layers(ref, platform=platform, access=registry_access(**registry)) as layers:
        facts = show_image(layers, with_files=with_files)
    if as_json:
        click.echo(msgspec.json.encode(facts).decode())
        return
    from sim.cli.imagetext import files_text, image_text, layer_text

    click.echo(image_text(facts))
    for layer in facts.layers if with_layers else ():
        click.echo(f"\n{layer_text(layer)}")
    if facts.files is not None:
        click.echo(f"\n{files_text(facts.files)}")


@image.command()
@click.argument("src")
@click.argument("dst")
@click.option("--chunk-size", "chunk_size_bytes", type=Size(), default="4MiB", show_default=True)
@click.option(
    "--min-chunk-size",
    "min_chunk_size_bytes",
    type=Size(),
    default=0,
    show_default=True,
    help="Least compressed bytes of what can be fetched alone; 0: each chunk can.",
)
@click.option("--level", type=int, default=9, show_default=True, help="Of compression: gzip 1 to 9, zstd 1 to 22.")
@click.option("--zstd-chunked", is_flag=True, help="zstd:chunked instead of eStargz.")
@click.option("--external-toc", is_flag=True, help="Tables of contents in a second image, DST-esgztoc.")
@click.option(
    "--prioritize-from", "trace", type=click.Path(path_type=Path), help="Files a trace reads go before the landmark."
)
@click.option(
    "--prioritize", "listed", multiple=True, metavar="PATH|@FILE", help="This file too; @FILE: a list of them."
)
@click.option(
    "--allow-missing", is_flag=True, help="Files to go first need not be there; a trace may be of other content."
)
@platform_option
@click.option(
    "--workers", type=click.IntRange(min=1), help="Processors to use; the result is the same.  [default: all]"
)
@registry_options
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def convert(
    src: str,
    dst: str,
    *,
    zstd_chunked: bool,
    trace: Path | None,
    listed: tuple[str, ...],
    platform: str | None,
    workers: int | None,
    plain_http: bool | None,
    ca_file: Path | None,
    as_json: bool,
    **written: Any,
) -> None:
    """Convert the image SRC to eStargz or zstd:chunked at DST, for containers that start before it is pulled.

    Layers that are converted already are converted again. DST appears when all of it is there; an interrupt leaves
    nothing behind. Whole layers lie in $TMPDIR meanwhile.
    """
    from sim.cli.imagetext import converted_document, converted_text
    from sim.formats.estargz import WriteOptions
    from sim.image.convert import ConvertOptions, convert_image
    from sim.image.layers import open_layers
    from sim.image.toc_image import toc_reference
    from sim.oci import create_image

    write = WriteOptions(compression="zstd" if zstd_chunked else "gzip", **written)
    write.check()
    options = ConvertOptions(write=write, choose=_choice(trace, listed, write.allow_missing), workers=workers)
    access = registry_access(plain_http=plain_http, ca_file=ca_file)
    with ExitStack() as opened:
        layers = opened.enter_context(open_layers(src, platform=platform, access=access))
        toc_image = toc_reference(dst) if write.external_toc else None
        toc_sink = opened.enter_context(create_image(toc_image, access=access)) if toc_image else None
        sink = opened.enter_context(create_image(dst, access=access))
        step = opened.enter_context(steps(len(layers)))
        done = convert_image(layers, sink, options, toc_sink=toc_sink, step=step)
    document = converted_document(done) if as_json else None
    click.echo(msgspec.json.encode(document).decode() if document else converted_text(dst, toc_image, done))


def _choice(trace: Path | None, listed: tuple[str, ...], allow_missing: bool) -> "Choose | None":
    from sim.core.trace import read_trace
    from sim.image.priorities import of_paths, of_trace, read_list

    if trace is not None and listed:
        raise click.UsageError("--prioritize-from and --prioritize: choose one")
    if trace is not None:
        return partial(of_trace, read_trace(trace), allow_missing=allow_missing)
    return partial(of_paths, read_list(listed), allow_missing=allow_missing) if listed else None


@image.command()
@click.argument("ref")
@platform_option
@registry_options
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def verify(ref: str, *, platform: str | None, as_json: bool, **registry: Any) -> int:
    """Check all of the image REF: every digest, and that each table of contents tells what its layer holds.

    One line a fault, and status 1 if there is any.
    """
    from sim.cli.imagetext import verification_text
    from sim.core.errors import BadBlob
    from sim.image.layers import open_layers
    from sim.image.verify import Verification, verify_image

    try:
        with (
            open_layers(ref, platform=platform, access=registry_access(**registry)) as layers,
            steps(len(layers)) as step,
        ):
            done = verify_image(layers, step)
    except BadBlob as error:  # of the manifest: there is no image to go on with
        done = Verification(name=ref, digest="", layers=(), faults=(str(error),))
    click.echo(msgspec.json.encode(done).decode() if as_json else verification_text(done))
    return 1 if done.faults else 0


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
@registry_options
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def synth(
    dst: str, *, file_sizes: str, as_json: bool, plain_http: bool | None, ca_file: Path | None, **options: Any
) -> None:
    """Make an image of made-up files at DST. It is labelled as synthetic."""
    from sim.cli.progress import progress
    from sim.core.units import format_size
    from sim.image.filesizes import parse_file_sizes
    from sim.image.synth import SynthOptions, synthesise
    from sim.oci import create_image

    chosen = SynthOptions(file_sizes=parse_file_sizes(file_sizes), **options)
    access = registry_access(plain_http=plain_http, ca_file=ca_file)
    with create_image(dst, access=access) as sink, progress(chosen.size_bytes, "bytes") as advance:
        made: Synthesised = synthesise(sink, chosen, advance=advance)
    if as_json:
        click.echo(msgspec.json.encode(made).decode())
        return
    click.echo(
        f"{dst}: {made.digest}\nfiles {made.files}, {format_size(made.raw_size_bytes)}; layers {made.layers},"
        f" {format_size(made.size_bytes)} compressed; made up, and labelled so"
    )

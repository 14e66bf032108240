"""`lazypull`: finds the verb, imports it only then, and turns every expected failure into one line."""

import difflib
import importlib
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

import click

from sim.core.errors import LazypullError

INTERRUPTED = 128 + signal.SIGINT  # as shells have it
TERMINATED = 128 + signal.SIGTERM
VERBS: dict[str, str] = {
    "catalog": "List, show and build the recorded workloads.",
    "image": "Show, convert, verify and make up images.",
    "report": "Write the page, figures and timeline of an experiment's results.",
    "run": "Run an experiment file and print how long each start takes.",
    "testbed": "Measure and calibrate on this machine's real containerd.",
    "trace": "Record, import, show, check and perturb traces.",
    "tune": "Find the layout and client settings that start a workload soonest.",
    "validation": "Compare measured with simulated runs: page, tables, document.",
}


class Terminated(KeyboardInterrupt):
    """SIGTERM came; it unwinds as Ctrl-C does, so what cleans up after that one cleans up after this one too."""


class LazyGroup(click.Group):
    """Imports `sim.cli.<verb>` when the verb is used, so that `lazypull --help` answers at once."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of all verbs."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a verb. An unknown one is refused with the nearest name."""
        if cmd_name not in VERBS:
            near = difflib.get_close_matches(cmd_name, VERBS, n=1, cutoff=0.0)
            raise click.UsageError(f"verb {cmd_name!r} does not exist; did you mean {near[0]!r}?", ctx)
        command: click.Command = getattr(importlib.import_module(f"sim.cli.{cmd_name}"), cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs without importing them."""
        with formatter.section("Verbs"):
            formatter.write_dl(list(VERBS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="lazypull", message="%(package)s %(version)s")
def lazypull() -> None:
    """Tell how long until a container is ready, under this way of getting its image, and why."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status: 0 done, 1 the run failed, 2 wrong use or bad input.

    128 and the signal's number when it was interrupted or terminated.
    """
    try:
        with _unwinding_on_sigterm():
            status = lazypull.main(arguments, prog_name="lazypull", standalone_mode=False)
    except click.ClickException as error:
        return _say(f"{error.format_message()}{_hint(error)}", error.exit_code)
    except LazypullError as error:
        return _say(str(error), error.exit_status)
    except (click.Abort, KeyboardInterrupt) as error:
        terminated = isinstance(error, Terminated) or isinstance(error.__cause__, Terminated)  # click's own is from it
        word, status = ("terminated", TERMINATED) if terminated else ("interrupted", INTERRUPTED)
        return _say(f"{word}; what was finished is kept", status)
    except BrokenPipeError:  # the reader, `head` perhaps, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        return _say(f"{error.filename or 'system'}: {error.strerror or error}; check space and permissions", 1)
    return status if isinstance(status, int) else 0


@contextmanager
def _unwinding_on_sigterm() -> Iterator[None]:
    """Raise `Terminated` at the first SIGTERM; further ones do not disturb the cleaning up."""
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _terminate(_number: int, _frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, _go_on)
    raise Terminated


def _go_on(_number: int, _frame: FrameType | None) -> None:
    """Not SIG_IGN, which programs that are started to clean up would inherit."""


def _hint(error: click.ClickException) -> str:
    if isinstance(error, click.UsageError) and error.ctx is not None:
        return f" (see `{error.ctx.command_path} --help`)"
    return ""


def _say(text: str, status: int) -> int:
    click.echo(f"lazypull: {' '.join(text.split())}", err=True)
    return status

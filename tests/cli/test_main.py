"""The command line's frame: instant help, one line for every error, exit statuses."""

import os
import signal
import subprocess
import sys

import click
import pytest

from sim.cli import main as frame
from sim.cli.main import VERBS, main
from sim.core.errors import BadInput, NotPossibleHere, RunFailed

HEAVY = ("pandas", "matplotlib", "pyarrow", "numpy", "simpy", "pydantic", "yaml", "rich")


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["run", "--help"]])
def test_help_imports_nothing_heavy(arguments):
    script = f"import sys; from sim.cli.main import main; main({arguments!r}); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "lazypull" in done.stdout
    assert set(done.stderr.split()).isdisjoint(HEAVY)


def test_help_names_every_verb(capsys):
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(verb in shown for verb in VERBS)


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_every_verb_exists_and_has_help(verb, capsys):
    assert main([verb, "--help"]) == 0
    assert capsys.readouterr().out.startswith(f"Usage: lazypull {verb}")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["rnu"], "verb 'rnu' does not exist; did you mean 'run'? (see `lazypull --help`)"),
        (["run"], "Missing argument 'CONFIG'. (see `lazypull run --help`)"),
        (["run", "x.yaml", "--jobs", "0"], "Invalid value for '--jobs': 0 is not in the range x>=1."),
        (["run", "x.yaml", "--sett", "a=b"], "No such option '--sett'. Did you mean '--set'?"),
    ],
)
def test_wrong_use_is_one_line_and_status_2(arguments, line, capsys):
    assert main(arguments) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith(f"lazypull: {line}")
    assert shown.err.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (BadInput("x: is bad;\n mend it"), 2, "lazypull: x: is bad; mend it\n"),
        (NotPossibleHere("needs root"), 2, "lazypull: needs root\n"),
        (RunFailed("it broke"), 1, "lazypull: it broke\n"),
        (PermissionError(13, "Permission denied", "out"), 1, "lazypull: out: Permission denied; check space and "),
        (KeyboardInterrupt(), 130, "lazypull: interrupted; what was finished is kept\n"),
    ],
)
def test_an_error_is_one_line_and_its_status(error, status, line, capsys, monkeypatch):
    def broken():
        raise error

    assert run_instead(broken, monkeypatch) == status
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.lstrip("\n").startswith(line)
    assert "Traceback" not in shown.err


def run_instead(act, monkeypatch):
    """Status of a verb that does nothing but `act`."""
    monkeypatch.setattr(frame.LazyGroup, "get_command", lambda _self, _context, _name: click.command(act))
    return main(["run"])


def test_sigterm_unwinds_once_and_leaves_the_signal_as_it_was(capsys, monkeypatch):
    """Status as shells have it (128 + 15); another one while cleaning up does not cut that short."""
    before, cleaned = signal.getsignal(signal.SIGTERM), []

    def ended():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)
            cleaned.append("all")

    assert run_instead(ended, monkeypatch) == 143
    assert cleaned == ["all"]
    assert capsys.readouterr().err.strip() == "lazypull: terminated; what was finished is kept"
    assert signal.getsignal(signal.SIGTERM) is before


def test_programs_that_are_started_do_not_ignore_sigterm(monkeypatch):
    """While a verb runs and while it cleans up after SIGTERM."""
    ended = []

    def starts_others():
        ended.append(subprocess.run(["sh", "-c", "kill -TERM $$"], check=False).returncode)
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        finally:
            ended.append(subprocess.run(["sh", "-c", "kill -TERM $$"], check=False).returncode)

    run_instead(starts_others, monkeypatch)
    assert ended == [-signal.SIGTERM, -signal.SIGTERM]

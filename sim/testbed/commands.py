"""Run a system command and turn its failure into one line."""

import contextlib
import subprocess
from collections.abc import Mapping
from pathlib import Path

from sim.core.errors import RunFailed

FAVOUR = -19  # most favoured; `nice` alone counts only within a session where the kernel groups by session


class CommandFailed(RunFailed):
    """A command failed or did not end; `complaint` is all it wrote to its standard error."""

    def __init__(self, message: str, complaint: str) -> None:
        super().__init__(message)
        self.complaint = complaint


def run(
    *command: str,
    accept: tuple[int, ...] = (0,),
    at_most_s: float = 60.0,
    environment: Mapping[str, str] | None = None,
    favoured: bool = False,
) -> str:
    """The standard output of a command. Raises `CommandFailed` with its last line of complaint.

    favoured: for measurements; see `favour`.
    """
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, stdout=pipe, stderr=pipe, text=True, env=environment, start_new_session=favoured
    ) as child:
        if favoured:
            favour(child.pid)
        try:
            output, complaint = child.communicate(timeout=at_most_s)
        except subprocess.TimeoutExpired:
            child.kill()
            text = f"`{_short(command)}` did not end within {at_most_s:.0f} s"
            raise CommandFailed(text, child.communicate()[1]) from None
        except BaseException:
            child.kill()
            raise
    if child.returncode not in accept:
        lines = (complaint or output).strip().splitlines()
        text = f"`{_short(command)}` failed: {lines[-1] if lines else f'status {child.returncode}'}"
        raise CommandFailed(text, complaint)
    return output


def favour(pid: int) -> None:
    """Prefer the session that a process leads, so that other work on the machine disturbs a measurement less.

    It does nothing where the kernel does not group by session, or does not let us.
    """
    with contextlib.suppress(OSError):
        Path(f"/proc/{pid}/autogroup").write_text(f"{FAVOUR}\n")


def _short(command: tuple[str, ...]) -> str:
    return " ".join([Path(command[0]).name, *command[1:]])

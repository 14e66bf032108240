"""What every executor must do; an implementation joins by being named in `tests/experiment/test_executors.py`.

Functions here are at module level, since executors send them to other processes by name.
"""

import os
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from sim.experiment.executors import Executor

Make = Callable[[], Executor]


class Refused(Exception):
    """Raised by a job on purpose."""


def square(number: int) -> int:
    """Return number²."""
    return number * number


def refuse(number: int) -> int:
    """Fail for 3 only."""
    if number == 3:
        raise Refused("3 is refused")
    return number


def leave_mark(job: tuple[Path, int]) -> int:
    """Create a file that says this job began, then take a moment."""
    folder, number = job
    (folder / f"{number}-{os.getpid()}").touch()
    time.sleep(0.05)
    return number


def every_item_is_answered_once(make: Make, _folder: Path) -> None:
    """Answers are a permutation of what a loop would give."""
    assert sorted(make().each(square, range(20))) == [number * number for number in range(20)]


def no_item_is_run_twice(make: Make, folder: Path) -> None:
    """Each job leaves one mark."""
    list(make().each(leave_mark, [(folder, number) for number in range(8)]))
    assert sorted(int(mark.name.split("-")[0]) for mark in folder.iterdir()) == list(range(8))


def nothing_to_do_gives_nothing(make: Make, _folder: Path) -> None:
    """Check that an empty list ends at once."""
    assert list(make().each(square, [])) == []


def an_exception_reaches_the_caller(make: Make, _folder: Path) -> None:
    """Check that type and text survive the way between processes."""
    with pytest.raises(Refused, match="3 is refused"):
        list(make().each(refuse, range(6)))


def closing_early_leaves_the_rest_undone(make: Make, folder: Path) -> None:
    """After the first answer, what has not begun never begins."""
    with closing(make().each(leave_mark, [(folder, number) for number in range(100)])) as answers:  # type: ignore[type-var]
        next(answers)
    begun = len(list(folder.iterdir()))
    time.sleep(0.2)
    assert begun < 100
    assert len(list(folder.iterdir())) == begun


EXECUTOR_CONFORMANCE: tuple[Callable[[Make, Path], None], ...] = (
    every_item_is_answered_once,
    no_item_is_run_twice,
    nothing_to_do_gives_nothing,
    an_exception_reaches_the_caller,
    closing_early_leaves_the_rest_undone,
)

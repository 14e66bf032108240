"""Settings of this machine's kernel that are held while a testbed is up, and put back when the last one goes down."""

import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Setting:
    """A number the kernel reads from a file, and what it is while measuring."""

    file: Path
    held: int


# Smallest block of free pages that is reported to the host, as a power of two of pages (mm/page_reporting.c); 11 is
# above the largest block on x86 (MAX_PAGE_ORDER, 10), so none is. A guest that reports its free pages pays an exit for
# the next use of each: a file of 300 MB took 0.07 s to write into memory the guest had kept and 0.5 to 0.7 s a few
# seconds after caches were dropped, which every cold run does.
PAGE_REPORTING = Setting(Path("/sys/module/page_reporting/parameters/page_reporting_order"), 11)

# Whether waits for all readers of RCU are hurried (kernel/ksysfs.c).
# Mounts, cgroups and namespaces wait so; unhurried, for some of the next ticks of the clock, as it comes.
RCU_EXPEDITED = Setting(Path("/sys/kernel/rcu_expedited"), 1)

SETTINGS = (PAGE_REPORTING, RCU_EXPEDITED)


def hold(folder: Path, settings: Sequence[Setting] = SETTINGS) -> None:
    """Set each; what was there is kept in a file of the folder, unless an earlier caller did. Root needed.

    A setting this kernel has not, or does not let us choose, is left alone.
    """
    for setting in settings:
        with contextlib.suppress(OSError):
            before = setting.file.read_text().strip()
            if int(before) != setting.held:
                _state(folder, setting).write_text(before)
                setting.file.write_text(f"{setting.held}\n")


def put_back(folder: Path, settings: Sequence[Setting] = SETTINGS) -> None:
    """Put back what `hold` found; nothing where it changed nothing."""
    for setting in settings:
        state = _state(folder, setting)
        with contextlib.suppress(OSError):
            setting.file.write_text(state.read_text())
            state.unlink()


def describe(settings: Sequence[Setting] = SETTINGS) -> str:
    """What is held on this machine, as text; root needed, for others nothing is."""
    held = (f"{each.file.name} {each.held}" for each in settings if os.access(each.file, os.W_OK))
    return ", ".join(held) or "none"


def _state(folder: Path, setting: Setting) -> Path:
    return folder / setting.file.name

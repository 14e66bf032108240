"""The results a report is made from: the runs table and, where asked for, the tables of single runs."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sim.core.errors import BadInput
from sim.core.manifest import MANIFEST_FILE
from sim.core.store import StoredRun, load_results, load_run
from sim.report.cells import finished

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, eq=False)
class Results:
    """One experiment: its name, the runs that are done (one row each), and how many are not."""

    path: Path
    name: str
    frame: "pd.DataFrame"
    unfinished: int

    def run(self, name: str) -> StoredRun:
        """The stored run of that name in the table's column `run`."""
        places = (self.path, self.path / name, *sorted(self.path.glob(f"*/{name}")))
        return load_run(next(place for place in places if (place / MANIFEST_FILE).is_file()))


def open_results(path: Path) -> Results:
    """Read one experiment's results. Raises `BadInput` when there are none, or several experiments, or none done."""
    if not path.is_dir():
        raise BadInput(f"{path}: no such results folder; run an experiment first, or check the path")
    every = load_results(path)
    experiments = sorted(set(every["experiment"]))
    if len(experiments) > 1:
        names = ", ".join(str(path / name) for name in experiments)
        raise BadInput(f"{path}: holds {len(experiments)} experiments; report on one of them: {names}")
    done = finished(every)
    if done.empty:
        raise BadInput(f"{path}: none of its {len(every)} runs is done; run the experiment again")
    return Results(path, str(experiments[0]), done, len(every) - len(done))

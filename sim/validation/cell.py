"""A cell: what is measured several times and simulated, and the order in which every table lists them."""

from typing import Any

import msgspec

from sim.core.errors import BadBundle
from sim.core.manifest import Manifest
from sim.core.units import parse_duration, parse_rate

PRESETS: tuple[str, ...] = ("full", "lazy", "prefetch", "background")
MBIT_S = 8e-6  # of a byte per second
MS = 1e3  # of a second


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """A workload under a strategy over a network. rate_mbit_s: of the node's link, inf when unlimited."""

    workload: str
    strategy: str
    rate_mbit_s: float
    rtt_ms: float

    @property
    def cell(self) -> "Cell":
        """The key alone, also of a row that holds more."""
        return Cell(**self.key)

    @property
    def key(self) -> dict[str, Any]:
        """The four values by name."""
        return {name: getattr(self, name) for name in Cell.__struct_fields__}

    @property
    def network(self) -> str:
        """In words: "100 Mbit/s, 20 ms"."""
        rate = "unlimited" if self.rate_mbit_s == float("inf") else f"{self.rate_mbit_s:g} Mbit/s"
        return f"{rate}, {self.rtt_ms:g} ms"

    @property
    def title(self) -> str:
        """In words: "web · lazy · 100 Mbit/s, 20 ms"."""
        return f"{self.workload} · {self.strategy} · {self.network}"


def cell_of(manifest: Manifest) -> Cell:
    """The cell that a stored run belongs to. Raises `BadBundle` when its config, stored resolved, names no network."""
    network = manifest.config.get("network", {})
    if not {"rate", "rtt"} <= network.keys():
        raise BadBundle(f"run {manifest.folder}: its manifest has no network.rate and rtt; delete it and run it again")
    return Cell(
        workload=manifest.workload,
        strategy=manifest.strategy,
        rate_mbit_s=_clean(parse_rate(network["rate"]) * MBIT_S),
        rtt_ms=_clean(parse_duration(network["rtt"]) * MS),
    )


def order(cell: Cell) -> tuple[Any, ...]:
    """Sort key: workload, network, then the presets in their usual order."""
    known = PRESETS.index(cell.strategy) if cell.strategy in PRESETS else len(PRESETS)
    return cell.workload, cell.rate_mbit_s, cell.rtt_ms, known, cell.strategy


def _clean(value: float) -> float:
    """Nine digits: the product of two decimals is the decimal that was written."""
    return float(f"{value:.9g}")

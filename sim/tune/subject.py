"""`Subject`: the image that is tuned, what is known of it, and the recordings, networks and host it is tuned for."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sim.core.blocks import Blocks
from sim.core.errors import BadInput
from sim.core.host import Host
from sim.core.layout import Layout
from sim.core.network import Network
from sim.core.trace import Trace
from sim.core.tree import Tree
from sim.core.units import parse_duration, parse_rate
from sim.plan.priorities import accessed_files


@dataclass(frozen=True, eq=False)
class Recorded:
    """One recording. bound: the recording that the clairvoyant replays; way_s: what recording added to an operation."""

    label: str
    trace: Trace
    bound: Trace
    way_s: float = 0.0


@dataclass(frozen=True, eq=False)
class Subject:
    """What is tuned.

    gzip, blocks: the image as ordinary layers and its measured compressibility: what layouts are estimated from.
    tuned, judged: recordings that the search sees, and that it does not. networks: by the name they are shown under.
    layers: the image's layers as tar files on this machine, lowest first; empty where they are not at hand.
    references: catalog layouts that the reference converter wrote, by the baseline they are real layouts of.
    """

    name: str
    tree: Tree
    gzip: Layout
    blocks: Blocks
    host: Host
    tuned: tuple[Recorded, ...]
    judged: tuple[Recorded, ...]
    networks: dict[str, Network]
    layers: tuple[Path, ...] = ()
    references: tuple[tuple[str, Layout], ...] = ()


def parse_network(text: str) -> tuple[str, Network]:
    """Name and network of "RATE,RTT", like "100 Mbit/s,20ms". Raises `BadInput`."""
    rate, comma, rtt = text.partition(",")
    if not comma:
        raise BadInput(f"network {text!r}: write rate and round trip, like '100 Mbit/s,20ms'")
    network = Network(rate_bytes_s=parse_rate(rate.strip()), rtt_s=parse_duration(rtt.strip()))
    if not network.rate_bytes_s > 0 or not 0 <= network.rtt_s < float("inf"):
        raise BadInput(f"network {text!r}: the rate must be more than zero and the round trip finite")
    return f"{rate.strip()}, {rtt.strip()}", network


def merged_accesses(recorded: Sequence[Recorded], tree: Tree) -> list[tuple[int, str]]:
    """Layer and path of each file that any of the recordings accesses, once.

    Of several recordings, files come in the order of how far into a recording they were first accessed, as a share
    of its files: what every run needs early is early, and no recording goes before the others.
    """
    earliest: dict[tuple[int, str], float] = {}
    for recording in recorded:
        files = accessed_files(recording.trace, tree)
        for number, file in enumerate(files):
            earliest[file] = min(number / len(files), earliest.get(file, 1.0))
    return sorted(earliest, key=lambda file: earliest[file])

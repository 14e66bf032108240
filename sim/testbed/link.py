"""The link between node and registry: a network namespace, two TUN devices and a forwarder that delays packets."""

import contextlib
import os
import signal
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec

from sim.core.errors import RunFailed
from sim.testbed import process
from sim.testbed.binaries import Binaries
from sim.testbed.commands import run
from sim.testbed.names import Addresses, Names

# What may wait for the link before packets are dropped; connections take turns, so that none waits behind another.
# Twice the largest receive window of Linux (tcp_rmem, 6 MiB): one connection loses nothing, since the model knows no
# loss. With the 50 ms of a usual tbf, a slow start overshoots, and every large answer lost packets and 0.3 s.
QUEUE_BYTES = 16 << 20
# How the registry's end sends, whatever this machine prefers. With bbr a connection keeps its pace over idle times
# and losses; with reno (RFC 5681) it starts slowly again after an idle time-out, as with cubic, the kernel's own
# default, which a namespace may not choose where the machine restricts it. No run learns from the ones before it.
TCP = {"tcp_congestion_control": "reno", "tcp_slow_start_after_idle": "1", "tcp_no_metrics_save": "1"}
DEVICES = Path("/sys/class/net")  # of this process's network namespace
NAMESPACES = Path("/run/netns")  # where iproute2 keeps named ones


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What the link does to packets, each way alike.

    rate_bytes_s: on an Ethernet wire, headers included; 0 = as fast as the machine. rtt_s: round trip.
    cut: carries nothing.
    """

    rate_bytes_s: float = 0.0
    rtt_s: float = 0.0
    cut: bool = False


def render_settings(shape: Shape) -> bytes:
    """The forwarder's settings file."""
    return msgspec.json.encode({**asdict(shape), "queue_bytes": QUEUE_BYTES if shape.rate_bytes_s else 0})


def start(names: Names, addresses: Addresses, shape: Shape, binaries: Binaries) -> process.Running:
    """Make the namespace and the link. Everything but the namespace vanishes with the forwarder."""
    run("ip", "netns", "add", names.namespace)
    run("ip", "-n", names.namespace, "link", "set", "lo", "up")
    for key, value in TCP.items():
        run("ip", "netns", "exec", names.namespace, "sysctl", "-q", "-w", f"net.ipv4.{key}={value}")
    settings = _write(names, shape)
    program = str(binaries.path("lazypull-forwarder"))
    command = [program, str(settings), names.node_device, names.registry_device]
    running = process.start("forwarder", command, names.folder, core=process.far_side_core())
    for device in (names.node_device, names.registry_device):
        process.wait_for(DEVICES / device, running, "forwarder")
    run("ip", "link", "set", names.registry_device, "netns", names.namespace)
    _address(["ip"], names.node_device, addresses.node)
    _address(["ip", "-n", names.namespace], names.registry_device, addresses.registry)
    return running


def reshape(names: Names, shape: Shape) -> None:
    """Change rate and delay of a running link; packets on the way keep theirs."""
    running = process.recorded("forwarder", names.folder)
    if running is None or not running.alive():
        raise RunFailed(f"testbed {names.name!r} has no link; run `lazypull testbed up`")
    _write(names, shape)
    os.kill(running.pid, signal.SIGHUP)


def empty(names: Names) -> None:
    """Lose what waits for the link, and carry nothing until `reshape`; for the time between two nodes.

    Megabytes of a background fetch may still wait when its node is stopped. At 20 Mbit/s they shared the rate with the
    next run's requests for more than a second.
    """
    reshape(names, Shape(cut=True))


def stop(names: Names) -> None:
    """Take the link and its namespace away, whatever of them is there, and whoever still runs inside."""
    process.stop("forwarder", names.folder)
    _wait_until_gone(DEVICES / names.node_device)
    if (NAMESPACES / names.namespace).exists():
        for pid in inside(names):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        run("ip", "netns", "delete", names.namespace)


def _wait_until_gone(device: Path, *, at_most_s: float = 5.0) -> None:
    """Wait: the kernel removes a TUN device a moment after the end of the process that held it."""
    deadline = time.monotonic() + at_most_s
    while device.exists() and time.monotonic() < deadline:
        time.sleep(0.01)


def inside(names: Names) -> list[int]:
    """The processes in the testbed's namespace: only its own can be there."""
    return [int(pid) for pid in run("ip", "netns", "pids", names.namespace).split()]


def local_addresses() -> set[str]:
    """Every IPv4 address of this machine's root namespace."""
    found = msgspec.json.decode(run("ip", "-json", "-4", "address", "show") or "[]")
    return {entry["local"] for device in found for entry in device.get("addr_info", [])}


def _address(ip: list[str], device: str, address: str) -> None:
    run(*ip, "address", "add", f"{address}/30", "dev", device)
    run(*ip, "link", "set", device, "mtu", "1500", "up")


def _write(names: Names, shape: Shape) -> Path:
    path = names.folder / "link.json"
    temporary = path.with_suffix(".new")
    temporary.write_bytes(render_settings(shape))
    temporary.replace(path)
    return path

"""The real stack: up, used, down, and nothing is left; also after a kill. Root, FUSE, TUN and built programs needed."""

import http.client
import os
import signal
import socket
import tempfile
import time
from pathlib import Path

import pytest

from sim.core.errors import BadInput, NotPossibleHere
from sim.testbed import binaries, leftovers, link, node, process, up
from sim.testbed.commands import run
from sim.testbed.link import Shape
from sim.testbed.names import names
from sim.testbed.snapshotter import Settings

pytestmark = pytest.mark.root


@pytest.fixture(autouse=True)
def possible(monkeypatch):
    wanted = [Path("/dev/fuse"), Path("/dev/net/tun")]
    if os.geteuid() != 0 or not all(path.exists() for path in wanted):
        pytest.skip("NOT ROOT, OR NO FUSE OR TUN: the real stack is not tested")
    try:
        for program in (*binaries.INSTALLED, *binaries.OWN):
            binaries.built().path(program)
        for tool in ("ip", "runc", "nginx"):
            binaries.system_tool(tool, tool)
    except NotPossibleHere as missing:
        pytest.skip(f"THE REAL STACK IS NOT TESTED: {missing}")
    with tempfile.TemporaryDirectory(prefix="lazypull-") as folder:  # a socket's path has at most 104 characters
        monkeypatch.setenv("LAZYPULL_STATE", folder)
        yield


def left_of(name):
    here = names(name)
    return [
        *([here.folder] if here.folder.exists() else []),
        *leftovers.mounts_below(here.folder, up.open_mountinfo()),
        *leftovers.cgroups(here.namespace),
        *leftovers.shims(node.place(here).socket),
        *[path for path in [link.NAMESPACES / here.namespace] if path.exists()],
        *[path for path in [Path("/sys/class/net") / here.node_device] if path.exists()],
    ]


def test_up_serves_and_down_leaves_nothing():
    addresses = up.up("tup", shape=Shape(), settings=Settings())
    try:
        assert up.status("tup").up
        inside = ["ip", "netns", "exec", names("tup").namespace, "cat", "/proc/sys/net/ipv4/tcp_congestion_control"]
        assert run(*inside).strip() == "reno"
        connection = http.client.HTTPConnection(addresses.registry_host, timeout=10)
        connection.request("GET", "/v2/")
        assert connection.getresponse().status == 200
        connection.close()
        with pytest.raises(BadInput, match="is there already"):
            up.up("tup", shape=Shape(), settings=Settings())
    finally:
        up.down("tup")
    assert left_of("tup") == []
    assert not up.down("tup")


def test_two_at_once_do_not_meet():
    try:
        first = up.up("tone", shape=Shape(), settings=Settings())
        second = up.up("ttwo", shape=Shape(), settings=Settings())
        assert first.registry != second.registry
        up.down("tone")
        assert up.status("ttwo").up
    finally:
        up.down("tone")
        up.down("ttwo")
    assert left_of("tone") + left_of("ttwo") == []


def test_down_cleans_up_after_a_kill():
    up.up("tkill", shape=Shape(), settings=Settings())
    here = names("tkill")
    for daemon in up.DAEMONS:
        folder, _, name = daemon.rpartition("/")
        running = process.recorded(name, here.folder / folder)
        assert running is not None
        os.kill(running.pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while any(up.status("tkill").running.values()) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not any(up.status("tkill").running.values())
    assert link.inside(here)  # nginx's worker has outlived its killed master
    up.down("tkill")
    assert left_of("tkill") == []


def test_a_handshake_takes_the_round_trip():
    """TCP's own handshake is one round trip: packets are delayed, not connections."""
    addresses = up.up("trtt", shape=Shape(rtt_s=0.2), settings=Settings())
    try:
        host, _, port = addresses.registry_host.partition(":")
        begin = time.monotonic()
        socket.create_connection((host, int(port)), timeout=10).close()
        assert time.monotonic() - begin >= 0.2
    finally:
        up.down("trtt")

"""The real stack: up, used, down, and nothing is left; also after a kill. Root, FUSE, TUN and built programs needed."""

import http.client
import os
import signal
import socket
import sys
import time

import pytest

from sim.core.errors import BadInput
from sim.testbed import disk, link, process, up
from sim.testbed.commands import run
from sim.testbed.link import Shape
from sim.testbed.names import names
from sim.testbed.remains import remains
from sim.testbed.snapshotter import Settings

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("real_stack")]


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
    assert remains(names("tup")) == []
    assert not up.down("tup")


def test_link_and_registry_keep_to_one_core():
    mine = os.sched_getaffinity(0)
    up.up("tcore", shape=Shape(), settings=Settings())
    try:
        for daemon in ("forwarder", "registry", "nginx"):
            running = process.recorded(daemon, names("tcore").folder)
            assert running is not None
            assert os.sched_getaffinity(running.pid) == {process.far_side_core()}
        assert os.sched_getaffinity(0) == mine
    finally:
        up.down("tcore")


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
    assert remains(names("tone")) + remains(names("ttwo")) == []


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
    disk.mount(here.folder / "disk.img", here.folder / "disk", size=8 << 20)
    left = {line.partition(":")[0] for line in remains(here)}
    assert left == {"is there", "mount", "loop device", "process"}
    up.down("tkill")
    assert remains(names("tkill")) == []


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


SEND = """
import socket, sys
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sender.bind(("", 40000))  # always the same connection to the link, or the new packet would have a turn of its own
for number in range(int(sys.argv[3])):
    sender.sendto(sys.argv[4].encode().ljust(1000), (sys.argv[1], int(sys.argv[2])))
"""


def test_what_waits_for_the_link_is_lost_between_two_nodes():
    """500 kB wait at 1 Mbit/s, four seconds of it; they would come before whatever the next node asks for."""
    addresses, here = up.up("tempty", shape=Shape(rate_bytes_s=125_000), settings=Settings()), names("tempty")
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
            receiver.bind((addresses.node, 0))
            receiver.settimeout(10)
            to = ["ip", "netns", "exec", here.namespace, sys.executable, "-c", SEND, addresses.node]
            run(*to, str(receiver.getsockname()[1]), "500", "old")
            assert receiver.recv(1000).strip() == b"old"
            link.empty(here)
            time.sleep(0.2)
            link.reshape(here, Shape(rate_bytes_s=125_000))
            time.sleep(0.2)
            run(*to, str(receiver.getsockname()[1]), "1", "new")
            arrived = [receiver.recv(1000).strip()]
            while arrived[-1] != b"new":
                arrived.append(receiver.recv(1000).strip())
        assert len(arrived) < 300
    finally:
        up.down("tempty")

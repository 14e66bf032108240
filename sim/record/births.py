"""Births, programs and ends of the container's threads, told by the kernel's process connector.

Layouts: linux/cn_proc.h and connector.h. It speaks to the first process, network and user namespaces only;
elsewhere nothing is heard and the book knows what /proc says.
"""

import contextlib
import os
import select
import socket
import struct
import threading

from sim.record.threads import ThreadBook

NETLINK_CONNECTOR = 11
CN_IDX_PROC, CN_VAL_PROC, PROC_CN_MCAST_LISTEN = 1, 1, 1
NLMSG_DONE = 3
SO_RCVBUFFORCE = 33
RECEIVE_BUFFER = 8 << 20  # bytes; events of the whole machine pass through it
NETLINK_HEADER = struct.Struct("=IHHII")
CONNECTOR_HEADER = struct.Struct("=IIIIHH")
EVENT = struct.Struct("=IIQ")  # what, cpu, CLOCK_MONOTONIC ns
FORK, EXEC, EXIT = 0x1, 0x2, 0x80000000
FORKED = struct.Struct("=IIII")  # thread and process of the parent, of the child
THREAD = struct.Struct("=II")  # thread, process
PAUSE_MS = 100


class BirthWatch:
    """Listens from construction on; `follow` writes what happens to a process and all below it into the book."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._reader: threading.Thread | None = None
        self._socket: socket.socket | None = None
        with contextlib.suppress(OSError):
            self._socket = _listen()

    def follow(self, process: int, book: ThreadBook) -> None:
        """Take the events of `process`, its threads and its descendants, also those already queued."""
        if self._socket is not None:
            self._reader = threading.Thread(target=self._read, args=(self._socket, process, book), daemon=True)
            self._reader.start()

    def close(self) -> None:
        """Take the events that are still there, then stop."""
        self._stop.set()
        if self._reader is not None:
            self._reader.join()
        if self._socket is not None:
            self._socket.close()

    def _read(self, events: socket.socket, process: int, book: ThreadBook) -> None:
        poll = select.poll()
        poll.register(events, select.POLLIN)
        family = {process}  # processes of the container
        while True:
            stopping = self._stop.is_set()
            if not poll.poll(0 if stopping else PAUSE_MS):
                if stopping:
                    return
                continue
            try:
                message = events.recv(4096)
            except OSError:  # the buffer ran over: some ends stay unknown
                continue
            _take(memoryview(message)[NETLINK_HEADER.size + CONNECTOR_HEADER.size :], family, book)


def _take(event: memoryview, family: set[int], book: ThreadBook) -> None:
    what, _, at_ns = EVENT.unpack_from(event)
    if what == FORK:
        _, parent, tid, process = FORKED.unpack_from(event, EVENT.size)
        if parent in family or process in family:
            family.add(process)
            book.born(tid, process, parent if tid == process else None, at_ns)
    elif what in (EXEC, EXIT):
        tid, process = THREAD.unpack_from(event, EVENT.size)
        if process in family:
            book.renamed(tid) if what == EXEC else book.ended(tid, at_ns)


def _listen() -> socket.socket:
    events = socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, NETLINK_CONNECTOR)
    try:
        events.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER)
        events.bind((0, CN_IDX_PROC))
        body = struct.pack("=I", PROC_CN_MCAST_LISTEN)
        head = CONNECTOR_HEADER.pack(CN_IDX_PROC, CN_VAL_PROC, 0, 0, len(body), 0)
        size = NETLINK_HEADER.size + len(head) + len(body)
        events.send(NETLINK_HEADER.pack(size, NLMSG_DONE, 0, 0, os.getpid()) + head + body)
    except OSError:
        events.close()
        raise
    return events

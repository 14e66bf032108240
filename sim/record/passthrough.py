"""One lower layer mounted over FUSE with the lazy daemon's options: each read delayed, each operation noted.

The wire protocol is spoken directly: operation, asker and flags are then the kernel's own words, which a
library on top would blur (libfuse's high level shows a lookup and a getattr as the same call).
"""

import errno
import os
import threading
import time
from typing import NamedTuple

from sim.core.trace import OPERATION_KINDS
from sim.record import wire
from sim.record.lower import Lower, statfs_reply
from sim.record.opens import Opens
from sim.record.rows import Rows, RowStore
from sim.record.syscalls import MS_NODEV, MS_NOSUID, mount
from sim.record.threads import ThreadBook

FIRST_SERVERS = 4
MAX_SERVERS = 128  # threads a layer; more reads at once than this would wait for one another
JOIN_S = 2.0
NOTED = {
    wire.LOOKUP: "lookup",
    wire.GETATTR: "getattr",
    wire.OPEN: "open",
    wire.OPENDIR: "open",
    wire.READ: "read",
    wire.READDIR: "readdir",
    wire.READDIRPLUS: "readdir",
    wire.READLINK: "readlink",
    wire.GETXATTR: "getxattr",
    wire.LISTXATTR: "getxattr",
}
KIND_NUMBERS = {opcode: OPERATION_KINDS.index(name) for opcode, name in NOTED.items()}
SIZED = frozenset({wire.READ, wire.READDIR, wire.READDIRPLUS})  # requests with offset and size


class Request(NamedTuple):
    """One request of the kernel; `asker` is a thread in the mounter's process namespace, 0 the kernel itself."""

    opcode: int
    node: int
    asker: int
    body: memoryview
    start_ns: int


class Layer:
    """A folder mounted as a layer by construction; the mount's servers end when it is unmounted.

    folder: the unpacked layer. mount_point: an existing folder. number: `layer` in the rows.
    read_delay_s: slept before each read is answered; parallel reads sleep in parallel.
    """

    def __init__(
        self,
        *,
        folder: str,
        mount_point: str,
        number: int,
        read_delay_s: float,
        store: RowStore,
        threads: ThreadBook,
    ) -> None:
        self._lower = Lower(folder)
        self._number = number
        self._delay_s = read_delay_s
        self._store = store
        self._threads = threads
        self._opens = Opens(store)
        self._lock = threading.Lock()
        self._idle = 0
        self._servers: list[threading.Thread] = []
        self._device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        options = f"fd={self._device},rootmode=40000,user_id=0,group_id=0,max_read={wire.MAX_READ},allow_other"
        mount("lazypull", mount_point, "fuse.lazypull", MS_NOSUID | MS_NODEV, options)
        for _ in range(FIRST_SERVERS):
            self._spawn()

    def close(self) -> None:
        """Wait for the servers of an unmounted layer, then let go of the device."""
        for server in self._servers:
            server.join(JOIN_S)
        os.close(self._device)

    def _spawn(self) -> None:
        server = threading.Thread(target=self._serve, name=f"layer{self._number}", daemon=True)
        with self._lock:
            self._idle += 1
            self._servers.append(server)
        server.start()

    def _serve(self) -> None:
        buffer = bytearray(wire.REQUEST_BUFFER)
        rows = self._store.writer()
        while True:
            try:
                size = os.readv(self._device, [buffer])
            except OSError as error:
                if error.errno in (errno.ENOENT, errno.EINTR, errno.EAGAIN):  # the request was taken back
                    continue
                return  # unmounted
            start_ns = time.monotonic_ns()
            with self._lock:
                self._idle -= 1
                alone = self._idle == 0 and len(self._servers) < MAX_SERVERS
            if alone:
                self._spawn()
            self._handle(memoryview(buffer)[:size], rows, start_ns)
            with self._lock:
                self._idle += 1

    def _handle(self, raw: memoryview, rows: Rows, start_ns: int) -> None:
        _, opcode, unique, node, _, _, asker, _, _ = wire.IN_HEADER.unpack_from(raw)
        if opcode in wire.NO_ANSWER:
            return
        request = Request(opcode, node, asker, raw[wire.IN_HEADER.size :], start_ns)
        if opcode in KIND_NUMBERS:
            self._threads.seen(asker)  # now, as it waits for the answer and cannot have ended
        serial = self._opens.serial(wire.READ_IN.unpack_from(request.body)[0]) if opcode == wire.READ else 0
        try:
            answer, failure = self._answer(request), 0
        except OSError as error:
            answer, failure = b"", error.errno or errno.EIO
        except Exception:  # whatever it was, the asker must not hang and the trace must not pass as whole
            self._store.lose()
            answer, failure = b"", errno.EIO
        end_ns = time.monotonic_ns()  # before the answer: the asker's next request may come before this thread runs on
        try:
            os.writev(self._device, wire.message(unique, answer, error=failure))
        except OSError as error:
            if error.errno != errno.ENOENT:  # the asker was killed while it waited
                self._store.lose()
        if opcode in KIND_NUMBERS:
            self._note(rows, request, end_ns, serial)

    def _answer(self, request: Request) -> bytes:  # noqa: PLR0911, PLR0912 one line an opcode
        node, body, lower = request.node, request.body, self._lower
        match request.opcode:
            case wire.LOOKUP:
                return lower.lookup(node, _text(body))
            case wire.GETATTR:
                return lower.getattr(node)
            case wire.READ:
                handle, offset, size = wire.READ_IN.unpack_from(body)
                return self._read(handle, offset, size)
            case wire.OPEN:
                return self._open(request)
            case wire.OPENDIR:
                return wire.OPEN_OUT.pack(0, 0, 0)
            case wire.READDIR | wire.READDIRPLUS:
                _, offset, size = wire.READ_IN.unpack_from(body)
                return lower.readdir(node, offset, size, plus=request.opcode == wire.READDIRPLUS)
            case wire.GETXATTR:
                size, _ = wire.XATTR_IN.unpack_from(body)
                return lower.getxattr(node, _text(body[wire.XATTR_IN.size :]), size)
            case wire.LISTXATTR:
                path = self._store.paths.number(os.fsdecode(lower.path(node)))
                self._opens.listed(request.asker, node, path, request.start_ns)
                return lower.listxattr(node, wire.XATTR_IN.unpack_from(body)[0])
            case wire.READLINK:
                return lower.readlink(node)
            case wire.RELEASE:
                return self._release(wire.READ_IN.unpack_from(body)[0])
            case wire.RELEASEDIR | wire.DESTROY:
                return b""
            case wire.STATFS:
                return statfs_reply()
            case wire.INIT:
                return wire.init_reply(body)
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    def _open(self, request: Request) -> bytes:
        handle = self._lower.open(request.node)
        self._opens.opened(request.asker, request.node, handle)
        self._threads.renamed(request.asker)
        return wire.OPEN_OUT.pack(handle, wire.FOPEN_KEEP_CACHE, 0)

    def _read(self, handle: int, offset: int, size: int) -> bytes:
        data = os.pread(handle, size, offset)
        if self._delay_s:
            time.sleep(self._delay_s)
        return data

    def _release(self, handle: int) -> bytes:
        self._opens.released(handle)
        os.close(handle)
        return b""

    def _note(self, rows: Rows, request: Request, end_ns: int, serial: int) -> None:
        opcode, body = request.opcode, request.body
        name = self._lower.child(request.node, _text(body)) if opcode == wire.LOOKUP else self._lower.path(request.node)
        _, offset, size = wire.READ_IN.unpack_from(body) if opcode in SIZED else (0, 0, 0)
        path = self._store.paths.number(os.fsdecode(name))
        kind = KIND_NUMBERS[opcode]
        rows.extend((request.asker, kind, path, self._number, offset, size, request.start_ns, end_ns, serial))


def _text(body: memoryview) -> bytes:
    return bytes(body).partition(b"\0")[0]

"""What the writable layer took: creations, writes, renames and removals, told by fanotify of its file system.

Constants and layouts: linux/fanotify.h. Needs Linux 5.17 (FAN_RENAME) and a tmpfs.
"""

import ctypes
import os
import select
import stat
import struct
import threading
import time
from collections.abc import Iterator
from typing import NamedTuple

from sim.core.trace import OPERATION_KINDS, UPPER_LAYER
from sim.record.rows import RowStore
from sim.record.threads import ThreadBook

FAN_MODIFY, FAN_CREATE, FAN_DELETE = 0x2, 0x100, 0x200
FAN_RENAME, FAN_Q_OVERFLOW, FAN_ONDIR = 0x10000000, 0x4000, 0x40000000
FAN_CLOEXEC, FAN_UNLIMITED_QUEUE = 0x1, 0x10
FAN_REPORT_TID, FAN_REPORT_FID, FAN_REPORT_DIR_FID, FAN_REPORT_NAME = 0x100, 0x200, 0x400, 0x800
FAN_MARK_ADD, FAN_MARK_FILESYSTEM = 0x1, 0x100
INFO_OLD_NAME = 10  # FAN_EVENT_INFO_TYPE_OLD_DFID_NAME; a rename carries it and _NEW_ (12), others DFID_NAME (2)
METADATA = struct.Struct("<IBBHQii")  # length, version, reserved, metadata length, mask, fd, tid
INFO = struct.Struct("<BBH8s")  # kind, padding, length, fsid; then a file handle and a name
HANDLE = struct.Struct("<Ii")  # bytes of the handle, its type; then the handle
EVENT_BUFFER = 1 << 18
PAUSE_MS = 100
AT_FDCWD = -100

_libc = ctypes.CDLL(None, use_errno=True)


class Place(NamedTuple):
    """A name in a folder, clean and relative to the upper folder; `inside` tells whether it lies there at all."""

    path: str
    inside: bool


class UpperWatch:
    """Notes every change below `upper` (a folder of a tmpfs) into `store` until `close`.

    A change has the moment its event was read as start and end, some tens of microseconds late. Writes to a
    file that follow one another before the event is read are one row. Offset and length are not observed.
    """

    def __init__(self, upper: str, store: RowStore, threads: ThreadBook) -> None:
        self._upper = os.path.realpath(upper)
        self._store = store
        self._threads = threads
        self._rows = store.writer()
        self._folder = os.open(upper, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._events = _watch_filesystem(upper)
        self._stop = threading.Event()
        self._reader = threading.Thread(target=self._read, name="upper", daemon=True)
        self._reader.start()

    def close(self) -> None:
        """Take the events that are still there, then stop."""
        self._stop.set()
        self._reader.join()
        os.close(self._events)
        os.close(self._folder)

    def _read(self) -> None:
        poll = select.poll()
        poll.register(self._events, select.POLLIN)
        while True:
            stopping = self._stop.is_set()
            if poll.poll(0 if stopping else PAUSE_MS):
                buffer = os.read(self._events, EVENT_BUFFER)
                now_ns = time.monotonic_ns()
                for mask, tid, infos in _events(buffer):
                    self._note(mask, tid, infos, now_ns)
            elif stopping:
                return

    def _note(self, mask: int, tid: int, infos: list[tuple[int, bytes, bytes]], now_ns: int) -> None:
        if mask & FAN_Q_OVERFLOW:
            self._store.lose()
            return
        places = [(kind, self._place(handle, name)) for kind, handle, name in infos]
        old = next((place for kind, place in places if kind == INFO_OLD_NAME), None)
        place = next((place for kind, place in places if kind != INFO_OLD_NAME), None)
        if place is None or not place.inside:
            return
        self._threads.seen(tid)
        number = self._store.paths.number(place.path)
        for kind in self._kinds(mask, place.path, old):
            self._rows.extend((tid, OPERATION_KINDS.index(kind), number, UPPER_LAYER, 0, 0, now_ns, now_ns, 0))

    def _kinds(self, mask: int, path: str, old: Place | None) -> Iterator[str]:
        """Give what happened, in order: the kernel merges events of one thread and name into one."""
        if mask & FAN_RENAME:
            yield "rename" if old is not None and old.inside else self._arrived(path)
        if mask & FAN_CREATE:
            yield "mkdir" if mask & FAN_ONDIR else "create"
        if mask & FAN_MODIFY:
            yield "write"
        if mask & FAN_DELETE:
            yield "unlink"

    def _arrived(self, path: str) -> str:
        """Tell what overlayfs moved in from its work folder: a whiteout, a folder or a file."""
        try:
            status = os.lstat(f"{self._upper}/{path}")
        except OSError:
            return "create"
        if stat.S_ISCHR(status.st_mode) and status.st_rdev == 0:
            return "unlink"
        return "mkdir" if stat.S_ISDIR(status.st_mode) else "create"

    def _place(self, handle: bytes, name: bytes) -> Place:
        folder = _path_of_handle(self._folder, handle)
        text = os.fsdecode(name)
        if folder == self._upper:
            return Place(text, inside=True)
        below = folder.removeprefix(f"{self._upper}/")
        return Place(f"{below}/{text}", inside=below != folder)


def _watch_filesystem(path: str) -> int:
    flags = FAN_CLOEXEC | FAN_UNLIMITED_QUEUE | FAN_REPORT_TID
    events = _checked(_libc.fanotify_init(flags | FAN_REPORT_DIR_FID | FAN_REPORT_NAME, os.O_RDONLY), "fanotify_init")
    mask = FAN_MODIFY | FAN_CREATE | FAN_DELETE | FAN_RENAME | FAN_ONDIR
    mark = FAN_MARK_ADD | FAN_MARK_FILESYSTEM
    result = _libc.fanotify_mark(events, mark, ctypes.c_uint64(mask), AT_FDCWD, os.fsencode(path))
    _checked(result, "fanotify_mark")
    return events


def _events(buffer: bytes) -> Iterator[tuple[int, int, list[tuple[int, bytes, bytes]]]]:
    """Give mask, thread and (kind, handle, name) of each event."""
    at = 0
    while at + METADATA.size <= len(buffer):
        length, _, _, head, mask, _, tid = METADATA.unpack_from(buffer, at)
        yield mask, tid, list(_infos(buffer[at + head : at + length]))
        at += length


def _infos(records: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    at = 0
    while at + INFO.size <= len(records):
        kind, _, length, _ = INFO.unpack_from(records, at)
        body = records[at + INFO.size : at + length]
        size, _ = HANDLE.unpack_from(body)
        yield kind, body[: HANDLE.size + size], body[HANDLE.size + size :].partition(b"\0")[0]
        at += length


def _path_of_handle(mount: int, handle: bytes) -> str:
    folder = _libc.open_by_handle_at(mount, handle, os.O_PATH | os.O_CLOEXEC)
    if folder < 0:
        return ""  # the folder has gone
    try:
        return os.readlink(f"/proc/self/fd/{folder}")
    finally:
        os.close(folder)


def _checked(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)
    return result

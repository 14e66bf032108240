"""An unpacked layer answering the questions of a FUSE kernel client in the bytes of the wire protocol."""

import errno
import os
import threading

from sim.record import wire


class Lower:
    """Files below `folder`, numbered as nodes when first looked up. They must not change while served."""

    def __init__(self, folder: str) -> None:
        self._folder = os.fsencode(os.path.realpath(folder))
        self._paths: list[bytes] = [b"", b""]  # by node: 0 is not used, 1 is the root
        status = os.stat(self._folder)
        self._numbers = {(status.st_dev, status.st_ino): wire.ROOT_NODE}  # hard links share a node
        self._listings: dict[int, list[tuple[bytes, os.stat_result]]] = {}
        self._lock = threading.Lock()

    def path(self, node: int) -> bytes:
        """Give the path of a node relative to the layer's root; of a hard link the name first looked up."""
        return self._paths[node]

    def child(self, node: int, name: bytes) -> bytes:
        """Give the path of `name` in the folder `node`."""
        parent = self._paths[node]
        return parent + b"/" + name if parent else name

    def lookup(self, node: int, name: bytes) -> bytes:
        """Answer LOOKUP."""
        path = self.child(node, name)
        status = os.lstat(self._folder + b"/" + path)
        return wire.entry_reply(self._number(path, status), status)

    def getattr(self, node: int) -> bytes:
        """Answer GETATTR."""
        return wire.attributes_reply(os.lstat(self._full(node)))

    def readlink(self, node: int) -> bytes:
        """Answer READLINK."""
        return os.readlink(self._full(node))

    def open(self, node: int) -> int:
        """Open a regular file for reading; gives a file descriptor."""
        return os.open(self._full(node), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)

    def getxattr(self, node: int, name: bytes, size: int) -> bytes:
        """Answer GETXATTR; with `size` 0 only the length is asked."""
        value = os.getxattr(self._full(node), name, follow_symlinks=False)
        return _sized(value, size)

    def listxattr(self, node: int, size: int) -> bytes:
        """Answer LISTXATTR; with `size` 0 only the length is asked."""
        names = os.listxattr(self._full(node), follow_symlinks=False)
        return _sized(b"".join(os.fsencode(name) + b"\0" for name in names), size)

    def readdir(self, node: int, position: int, size: int, *, plus: bool) -> bytes:
        """Answer READDIR or READDIRPLUS: records from `position` on, at most `size` bytes, in order of name."""
        records: list[bytes] = []
        left = size
        for index, (name, status) in enumerate(self._listing(node)[position:], position + 1):
            record = wire.directory_record(name, index, self._entry(node, name, status) if plus else b"", status)
            left -= len(record)
            if left < 0:
                break
            records.append(record)
        return b"".join(records)

    def _entry(self, node: int, name: bytes, status: os.stat_result) -> bytes:
        if name in (b".", b".."):
            return bytes(wire.ENTRY_OUT.size + wire.ATTR.size)  # node 0: the kernel makes no entry of it
        return wire.entry_reply(self._number(self.child(node, name), status), status)

    def _listing(self, node: int) -> list[tuple[bytes, os.stat_result]]:
        known = self._listings.get(node)
        if known is None:
            folder = self._full(node)
            itself = os.lstat(folder)
            names = [(name, os.lstat(os.path.join(folder, name))) for name in sorted(os.listdir(folder))]
            known = [(b".", itself), (b"..", itself), *names]
            self._listings[node] = known
        return known

    def _number(self, path: bytes, status: os.stat_result) -> int:
        key = (status.st_dev, status.st_ino)
        known = self._numbers.get(key)
        if known is not None:
            return known
        with self._lock:
            if key not in self._numbers:
                self._paths.append(path)
                self._numbers[key] = len(self._paths) - 1
            return self._numbers[key]

    def _full(self, node: int) -> bytes:
        return self._folder + b"/" + self._paths[node]


def statfs_reply() -> bytes:
    """Answer STATFS as the daemon does: zeros, 4096-byte blocks, names of up to 255 bytes."""
    return wire.STATFS_OUT.pack(0, 0, 0, 0, 0, 4096, 255, 4096, 0)


def _sized(value: bytes, size: int) -> bytes:
    if size == 0:
        return wire.XATTR_OUT.pack(len(value), 0)
    if len(value) > size:
        raise OSError(errno.ERANGE, os.strerror(errno.ERANGE))
    return value

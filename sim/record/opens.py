"""Telling the overlay's own reads for a copy-up from those of the workload.

Seen from below, overlayfs copies a file up with these steps, all in the thread that wants to write (6.18,
fs/overlayfs/copy_up.c): open the lower file, read all of it, list its extended attributes, then give the
copy its name in the upper layer. Its flags do not give it away: both opens carry O_NOATIME. So the reads of an
open are a copy-up's if its asker listed the attributes of that very file next, before it opened any
other (a *candidate*), and the upper layer then saw that thread create a file of that path (fanotify).
A program that reads a file and lists its attributes makes a candidate but no creation.
"""

from sim.record.rows import CopyUp, RowStore


class Opens:
    """Open files of one layer. Serials are unique in the recording; 0 stands for none."""

    def __init__(self, store: RowStore) -> None:
        self._store = store
        self._by_handle: dict[int, int] = {}
        self._last: dict[int, tuple[int, int]] = {}  # by asker: node and serial

    def opened(self, asker: int, node: int, handle: int) -> None:
        """Note an open."""
        serial = next(self._store.serials)
        self._by_handle[handle] = serial
        self._last[asker] = (node, serial)

    def serial(self, handle: int) -> int:
        """Give the serial of an open file."""
        return self._by_handle.get(handle, 0)

    def released(self, handle: int) -> None:
        """Forget a closed file."""
        self._by_handle.pop(handle, None)

    def listed(self, asker: int, node: int, path: int, at_ns: int) -> None:
        """Note that `asker` listed the attributes of `node`."""
        last_node, serial = self._last.get(asker, (0, 0))
        if last_node == node:
            self._store.copy_ups.append(CopyUp(serial, asker, path, at_ns))

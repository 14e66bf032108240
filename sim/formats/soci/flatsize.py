"""How many bytes a flatbuffer takes, without its bytes: built from its end, each part padded to its alignment.

Source: google/flatbuffers, go/builder.go; strings are not shared, tables share a vtable of equal entries.
"""

from collections.abc import Mapping, Sequence

OFFSET = 4  # bytes of an offset, a length or a signed offset to a vtable
ENTRY = 2  # bytes of an entry of a vtable


class FlatSize:
    """A builder that counts. Each method gives where its part lies: bytes from the end of the buffer."""

    def __init__(self) -> None:
        self._used, self._alignment = 0, 1
        self._vtables: set[tuple[int, ...]] = set()

    def string(self, length: int) -> int:
        """A string of that many bytes: length, bytes, a zero."""
        return self.bytes(length + 1)

    def bytes(self, length: int) -> int:
        """A vector of bytes."""
        self._pad(OFFSET, length)
        self._used += length + OFFSET
        return self._used

    def offsets(self, places: Sequence[int]) -> int:
        """A vector of offsets to parts that were built."""
        self._pad(OFFSET, OFFSET * len(places))
        self._used += OFFSET * len(places) + OFFSET
        return self._used

    def table(self, fields: Mapping[int, tuple[int, int]]) -> int:
        """A table. fields: slot → (bytes, value), in the order they are added; a zero is the default and left out."""
        places: dict[int, int] = {}
        for slot, (size, value) in fields.items():
            if value:
                self._put(size)
                places[slot] = self._used
        self._put(OFFSET)
        place = self._used
        self._vtable(
            tuple(place - places[slot] if slot in places else 0 for slot in range(max(places, default=-1) + 1))
        )
        return place

    def finish(self) -> int:
        """Bytes of the whole buffer, with the offset of its root in front."""
        self._pad(self._alignment, OFFSET)
        self._put(OFFSET)
        return self._used

    def _vtable(self, entries: tuple[int, ...]) -> None:
        """Where a table's fields are; preceded by its own size and that of the table."""
        if entries not in self._vtables:
            self._vtables.add(entries)
            self._used += ENTRY * (len(entries) + 2)

    def _put(self, size: int) -> None:
        self._pad(size, 0)
        self._used += size

    def _pad(self, alignment: int, following: int) -> None:
        """Zeros such that the place after the bytes to follow is aligned."""
        self._alignment = max(self._alignment, alignment)
        self._used += -(self._used + following) % alignment

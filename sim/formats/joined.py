"""How many bytes a file saves in a gzip member that it shares with what lies before it in the tar.

Each file is packed behind a window of the bytes before it, and then with its neighbours. In a longer member the codes
fit better than behind a window: what the files of a group save beyond the sum of the first is shared out among them.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

from sim.core.blocks import BLOCK_BYTES, CLOSE_BYTES, WINDOW_BYTES, saved_behind, window_share
from sim.core.source import Source
from sim.formats.deflated import Deflated, FileInTar, deflated_size

GROUP_BYTES = 1 << 18  # raw bytes of the files that are packed together


@dataclass(frozen=True, slots=True)
class Joined:
    """One file: columns of `sim.core.blocks`."""

    close: int
    near: int


@dataclass(frozen=True, slots=True)
class _First:
    """A file as far as those before it can help: its first block, and what follows a file that has no other."""

    offset: int
    size: int
    tail: bytes
    alone: int
    ends_group: bool

    def read(self, tar: Source) -> bytes:
        return tar.read_at(self.offset, self.size) + self.tail


def join_files(
    tar: Source, files: Sequence[FileInTar], deflated: Sequence[Deflated], pool: ThreadPoolExecutor
) -> list[Joined]:
    """Measure the files of a tar, in its order."""
    firsts = list(map(_first, files, deflated))
    apart = list(pool.map(partial(_behind_windows, tar), firsts))
    groups = list(pairwise([*_group_starts(firsts), len(firsts)]))
    more = pool.map(lambda rows: _saved_more(tar, firsts[slice(*rows)], apart[slice(*rows)]), groups)
    added = [each for (start, end), each in zip(groups, more, strict=True) for _ in range(start, end)]
    return [Joined(file.close, file.near + each) for file, each in zip(apart, added, strict=True)]


def _first(file: FileInTar, deflated: Deflated) -> _First:
    if file.size > BLOCK_BYTES:
        return _First(file.offset, BLOCK_BYTES, b"", deflated.packed[0], ends_group=True)
    return _First(file.offset, file.size, file.tail, deflated.packed[0] + deflated.tail_packed, ends_group=False)


def _behind_windows(tar: Source, first: _First) -> Joined:
    data = first.read(tar)
    before = (_before(tar, first.offset, length) for length in (CLOSE_BYTES, WINDOW_BYTES))
    close, near = (first.alone - deflated_size(window + data) + deflated_size(window) for window in before)
    return Joined(close, near)


def _before(tar: Source, end: int, length: int) -> bytes:
    """Bytes before a place of the tar, as many as there are up to a length."""
    length = min(length, end)
    return tar.read_at(end - length, length)


def _group_starts(firsts: Sequence[_First]) -> Iterator[int]:
    """The first file of each group."""
    size = GROUP_BYTES
    for row, first in enumerate(firsts):
        if size >= GROUP_BYTES:
            yield row
            size = 0
        size += GROUP_BYTES if first.ends_group else first.size + len(first.tail)


def _saved_more(tar: Source, group: Sequence[_First], joined: Sequence[Joined]) -> int:
    """What each file of a group saves beyond what it saves behind a window."""
    data, expected, shares = bytearray(), 0.0, 0.0
    for first, file in zip(group, joined, strict=True):
        expected += first.alone - saved_behind(file.close, file.near, len(data))
        shares += window_share(len(data))
        data += first.read(tar)
    return round((expected - deflated_size(bytes(data))) / max(1.0, shares))

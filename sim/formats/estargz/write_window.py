"""Batches of parts packed by threads and handed on in order, with a bounded number of bytes on their way."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

from sim.formats.estargz.write_parts import Part
from sim.formats.estargz.write_share import PackedUnit, UnitPacker

WINDOW_BYTES = 32 << 20  # of parts on their way


class PackWindow:
    """Takes parts, gives them packed to `then` in the same order. Use it in a `with` statement."""

    def __init__(self, packer: UnitPacker, then: Callable[[PackedUnit], None], workers: int) -> None:
        self._packer, self._then = packer, then
        self._pool = ThreadPoolExecutor(workers, "pack")
        self._batch: list[Part] = []
        self._batch_size = self._batch_json = self._size = 0
        self._pending: deque[tuple[Future[list[PackedUnit]], int]] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._pool.shutdown(cancel_futures=True)

    def add(self, part: Part) -> None:
        """Pack a part when its turn comes."""
        if self._batch_size + part.batch_bytes > self._packer.most_bytes or part.is_landmark:
            self._submit()
        self._batch.append(part)
        self._batch_size += part.batch_bytes
        self._batch_json += part.json_bytes
        if max(self._batch_size, self._batch_json) >= self._packer.batch_bytes:  # JSON is more in made-up layers only
            self._submit()

    def drain(self) -> None:
        """Hand on all parts that were added."""
        self._submit()
        while self._pending:
            self._take()

    def _submit(self) -> None:
        if not self._batch:
            return
        size = self._batch_size + self._batch_json
        self._size += size
        while self._pending and (self._size > WINDOW_BYTES or self._pending[0][0].done()):
            self._take()
        self._pending.append((self._pool.submit(self._packer.pack, self._batch), size))
        self._batch, self._batch_size, self._batch_json = [], 0, 0

    def _take(self) -> None:
        future, size = self._pending.popleft()
        self._size -= size
        for done in future.result():
            self._then(done)

"""Whole parts packed by threads and handed on in order, with a bounded number of bytes on their way."""

import hashlib
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from sim.core.source import Source
from sim.formats.estargz.write_pack import Packer
from sim.formats.estargz.write_parts import Part

BATCH_BYTES = 1 << 18  # small parts are packed together, for a thread's turn costs more than they do
BATCH_PARTS = 64
WINDOW_BYTES = 32 << 20  # of tar and JSON, on their way


@dataclass(frozen=True, slots=True)
class PackedPart:
    """A part as one unit. raw: its bytes of the tar. digest: "sha256:…" of its chunk, if it has one."""

    part: Part
    raw: bytes
    packed: bytes
    digest: str


class PackWindow:
    """Takes parts, gives them packed to `then` in the same order. Use it in a `with` statement."""

    def __init__(self, packer: Packer, tar: Source, then: Callable[[PackedPart], None], workers: int) -> None:
        self._packer, self._tar, self._then = packer, tar, then
        self._pool = ThreadPoolExecutor(workers, "pack")
        self._batch: list[Part] = []
        self._batch_size = self._size = 0
        self._pending: deque[tuple[Future[list[PackedPart]], int]] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._pool.shutdown(cancel_futures=True)

    def add(self, part: Part) -> None:
        """Pack a part when its turn comes."""
        self._batch.append(part)
        self._batch_size += part.raw_size + part.text_size
        if self._batch_size >= BATCH_BYTES or len(self._batch) >= BATCH_PARTS:
            self._submit()

    def drain(self) -> None:
        """Hand on all parts that were added."""
        self._submit()
        while self._pending:
            self._take()

    def _submit(self) -> None:
        if not self._batch:
            return
        self._size += self._batch_size
        while self._pending and (self._size > WINDOW_BYTES or self._pending[0][0].done()):
            self._take()
        self._pending.append((self._pool.submit(_pack, self._packer, self._tar, self._batch), self._batch_size))
        self._batch, self._batch_size = [], 0

    def _take(self) -> None:
        future, size = self._pending.popleft()
        self._size -= size
        for done in future.result():
            self._then(done)


def _pack(packer: Packer, tar: Source, parts: list[Part]) -> list[PackedPart]:
    return [_pack_part(packer, tar, part) for part in parts]


def _pack_part(packer: Packer, tar: Source, part: Part) -> PackedPart:
    chunk = part.chunk
    payload = b"" if chunk is None else chunk.read(tar, 0, chunk.size)
    raw = payload + part.tail
    return PackedPart(part, raw, packer.pack(raw), f"sha256:{hashlib.sha256(payload).hexdigest()}")

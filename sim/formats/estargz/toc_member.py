"""The gzip member that holds a TOC, decoded into buffers of the sizes its reader knows: no byte is copied again."""

from isal import isal_zlib

from sim.core.errors import BadBlob
from sim.core.source import Source
from sim.formats.inflate import DECODE_ERROR, GZIP_WBITS, READ_BYTES


class TocMember:
    """Decodes the one gzip member that starts at `offset` and ends at or before `end`."""

    def __init__(self, source: Source, offset: int, end: int) -> None:
        self._source, self._start, self._position, self._end = source, offset, offset, end
        self._decoder = isal_zlib.decompressobj(wbits=GZIP_WBITS)
        self._packed = b""  # read, but not decoded yet

    def read(self, size: int) -> bytes:
        """The next `size` decoded bytes, fewer at its end; none once its checksum has been checked.

        Takes memory for what is there, whatever `size` says. Raises `BadBlob` when the member is damaged or cut.
        """
        pieces: list[bytes] = []
        while size > 0 and not self._decoder.eof:
            pieces.append(self._decode(size))
            size -= len(pieces[-1])
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _decode(self, size: int) -> bytes:
        """Up to `size` bytes, in one go where as many compressed ones are enough; they nearly always are."""
        more = min(max(size, READ_BYTES) - len(self._packed), self._end - self._position)
        if more > 0:
            self._packed += self._source.read_at(self._position, more)
            self._position += more
        where = f"{self._source.name}: gzip member at byte {self._start}"
        try:
            piece: bytes = self._decoder.decompress(self._packed, size)  # it may hold bytes of what it was fed before
        except DECODE_ERROR as error:
            raise BadBlob(f"{where} is damaged ({error}); fetch it again") from None
        if not (self._packed or piece or self._decoder.eof):
            raise BadBlob(f"{where} is cut at byte {self._end}; fetch the blob again")
        self._packed = self._decoder.unconsumed_tail
        return piece

"""What each entry of a layer costs in the TOC, and what the TOC compresses to with few and with many chunks."""

import json
import random
import tarfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from sim.formats.blocks_tar import KeptEntry
from sim.formats.deflated import deflated_size
from sim.formats.names import TOC_NAME

HEAD, TAIL = '{\n\t"version": 1,\n\t"entries": [\n', "\n\t]\n}"
MEMBER_BYTES = 18  # head and trailer of a gzip member
TAR_BLOCK = 512


class TocText:
    """The TOC of one layer as text, object by object; digests of chunks are random, as they look to a compressor."""

    def __init__(self, entries: Sequence[KeptEntry], headers: Sequence[bytes], digests: Sequence[bytes | None]) -> None:
        self._entries = entries
        self._random = random.Random(0)
        self.names = [json.dumps(entry.name, ensure_ascii=False) for entry in entries]
        fields = zip(entries, headers, digests, self.names, strict=True)
        self._fields = [_fields(entry, header, digest, name) for entry, header, digest, name in fields]

    @property
    def object_bytes(self) -> list[int]:
        """Bytes of each entry's object, without what depends on chunks and places."""
        return [len(_object(fields).encode()) for fields in self._fields]

    @property
    def name_bytes(self) -> list[int]:
        """Bytes of each entry's name as JSON."""
        return [len(name.encode()) for name in self.names]

    def packed(self, chunk_size: int) -> int:
        """Bytes of the gzip member of a TOC with chunks of that size, each in a member of its own."""
        text = HEAD + "".join(self._objects(chunk_size)).removesuffix(",\n") + TAIL
        body = text.encode()
        header = tarfile.TarInfo(TOC_NAME)
        header.size = len(body)
        return MEMBER_BYTES + deflated_size(header.tobuf() + body + bytes(-len(body) % TAR_BLOCK + 2 * TAR_BLOCK))

    def _objects(self, chunk_size: int) -> Iterator[str]:
        place = 0
        for entry, fields, name in zip(self._entries, self._fields, self.names, strict=True):
            if not entry.size:
                yield _object(fields)
                continue
            for start in range(0, entry.size, chunk_size):
                place += min(chunk_size, entry.size - start) // 3 + 150
                digest = self._digest() if entry.size > chunk_size else fields["digest"]
                made = dict(fields) if start == 0 else {"name": name, "type": '"chunk"'}
                made |= {"offset": str(place), "chunkOffset": str(start)} if start else {"offset": str(place)}
                if entry.size - start >= chunk_size:
                    made["chunkSize"] = str(chunk_size)
                yield _object(made | {"chunkDigest": digest})

    def _digest(self) -> str:
        return f'"sha256:{self._random.randbytes(32).hex()}"'


def _fields(entry: KeptEntry, header: bytes, digest: bytes | None, name: str) -> dict[str, str]:
    """Fields of an entry's object as JSON, in the format's order as far as it matters to its size."""
    info = tarfile.TarInfo.frombuf(header[-TAR_BLOCK:], "utf-8", "surrogateescape")
    fields = {"name": name, "type": json.dumps(entry.kind)}
    if entry.size:
        fields["size"] = str(entry.size)
    if info.mtime:
        fields["modtime"] = f'"{datetime.fromtimestamp(info.mtime, UTC):%Y-%m-%dT%H:%M:%SZ}"'
    if entry.link and entry.kind in ("symlink", "hardlink"):
        fields["linkName"] = json.dumps(entry.link, ensure_ascii=False)
    fields |= {key: str(value) for key, value in (("mode", info.mode), ("uid", info.uid), ("gid", info.gid)) if value}
    if digest is not None:
        fields["digest"] = f'"sha256:{digest.hex()}"'
    if digest is not None and entry.size:
        fields["chunkDigest"] = fields["digest"]
    return fields


def _object(fields: dict[str, str]) -> str:
    return "\t\t{\n" + ",\n".join(f'\t\t\t"{key}": {value}' for key, value in fields.items()) + "\n\t\t},\n"

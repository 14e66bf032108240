"""Entries of a TOC as the reference converter writes them: Go's indented JSON, keys in the order of its struct.

Sources: stargz-snapshotter, estargz/types.go `TOCEntry`, estargz/estargz.go `appendTar`; Go encoding/json, encode.go.
"""

import hashlib
import re
from base64 import b64encode
from dataclasses import dataclass, field

from sim.core.errors import BadBlob
from sim.formats.tarentry import BLOCK_DEVICE, CHAR, KINDS, LINK, REG, SYMLINK, TarEntry
from sim.formats.tarwrite_time import toc_time

XATTR = b"SCHILY.xattr."  # PAX records that become xattrs; those of libarchive do not
MAX_OWNERS = 100_000  # names of users, and of groups, that are kept in memory,
MAX_KEPT_BYTES = 32  # longer ones, which may have a megabyte each, by their digests
EMPTY_DIGEST = f"sha256:{hashlib.sha256().hexdigest()}"
TOC_HEAD = '{\n\t"version": 1,\n\t"entries": ['
TOC_TAIL = "\n\t]\n}"
ESCAPES = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}

_SPECIAL = re.compile('["\\\\<>&\x00-\x1f\u2028\u2029\ud800-\udfff]')


def quote(raw: bytes) -> str:
    """A JSON string: HTML-safe, bytes that are not UTF-8 as U+FFFD."""
    text = raw.decode("utf-8", "surrogateescape")
    return f'"{_SPECIAL.sub(_escape, text)}"' if _SPECIAL.search(text) else f'"{text}"'


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    if "\ud800" <= character <= "\udfff":
        return "\\ufffd"
    return ESCAPES.get(character) or f"\\u{ord(character):04x}"


@dataclass(frozen=True, slots=True)
class EntryText:
    """JSON of one entry in two parts; the place of its first chunk goes between them, its digests after them."""

    before: str
    after: str

    def whole(self, digest: str = "") -> str:
        """The object of an entry without payload. digest: of a regular file."""
        return f"\t\t{{{self.before}{self.after}{string_field('digest', digest)}\n\t\t}}"


def string_field(key: str, value: str) -> str:
    """A field whose value needs no escapes; nothing when it is empty. Not for the first one of an object."""
    return f',\n\t\t\t"{key}": "{value}"' if value else ""


def number_field(key: str, value: int) -> str:
    """A field; nothing when it is zero. Not for the first one of an object."""
    return f',\n\t\t\t"{key}": {value}' if value else ""


def head_text(name: bytes, kind: str) -> str:
    """The two fields that every object has."""
    return f'\n\t\t\t"name": {quote(name)},\n\t\t\t"type": "{kind}"'


@dataclass(slots=True)
class EntryTexts:
    """Makes the JSON of entries in their order; a name is given only where the last one of its ID was another."""

    where: str
    _users: dict[int, bytes] = field(default_factory=dict)
    _groups: dict[int, bytes] = field(default_factory=dict)

    def text(self, entry: TarEntry) -> EntryText:
        """JSON of an entry as it is written. Raises `BadBlob`."""
        link = entry.link if entry.flag in {LINK, SYMLINK} else b""
        before = (
            head_text(entry.name, KINDS[entry.flag])
            + (number_field("size", entry.size) if entry.flag == REG else "")
            + string_field("modtime", toc_time(entry.mtime_ns))
            + (f',\n\t\t\t"linkName": {quote(link)}' if link else "")
            + number_field("mode", entry.mode)
            + number_field("uid", entry.uid)
            + number_field("gid", entry.gid)
            + self._name("userName", self._users, entry.uid, entry.uname)
            + self._name("groupName", self._groups, entry.gid, entry.gname)
        )
        device = entry.flag in {CHAR, BLOCK_DEVICE}
        after = number_field("devMajor", entry.major) + number_field("devMinor", entry.minor) if device else ""
        return EntryText(before, after + _xattrs(entry) if entry.records else after)

    def _name(self, key: str, known: dict[int, bytes], number: int, name: bytes) -> str:
        kept = name if len(name) <= MAX_KEPT_BYTES else hashlib.sha256(name).digest()
        if not name or known.get(number) == kept:
            return ""
        known[number] = kept
        if len(known) > MAX_OWNERS:
            raise BadBlob(f"{self.where}: more than {MAX_OWNERS} owners have names; no real layer has, rebuild it")
        return f',\n\t\t\t"{key}": {quote(name)}'


def _xattrs(entry: TarEntry) -> str:
    found = sorted((key[len(XATTR) :], value) for key, value in entry.records.items() if key.startswith(XATTR))
    if not found:
        return ""
    lines = ",\n".join(f'\t\t\t\t{quote(key)}: "{b64encode(value).decode()}"' for key, value in found)
    return f',\n\t\t\t"xattrs": {{\n{lines}\n\t\t\t}}'

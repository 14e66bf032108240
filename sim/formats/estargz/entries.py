"""The JSON of a TOC: its entries as typed records, taken as Go's decoder takes them. Source: docs/estargz.md, "TOC"."""

import re
from typing import Annotated, Literal, cast

import msgspec

from sim.core.errors import BadBlob

MIN_ENTRY_BYTES = len('{"type":"dir"},')  # the shortest entry there is
MAX_BYTES = 1 << 53  # no file, chunk or offset is larger; sums of two stay inside 64 bits

Count = Annotated[int, msgspec.Meta(ge=0, le=MAX_BYTES)]
Mode = Annotated[int, msgspec.Meta(ge=-(1 << 62), le=1 << 62)]
EntryType = Literal["reg", "dir", "symlink", "hardlink", "char", "block", "fifo", "chunk"]


class TocEntry(msgspec.Struct, frozen=True, gc=False, kw_only=True, rename="camel"):
    """One JSON object of the TOC; absent means zero or empty. In the order of the reference writer: it decodes faster.

    size: bytes of a regular file. modtime: RFC 3339. offset: of the unit holding the payload. inner_offset: of the
    payload in that unit's decoded bytes. xattrs: name → value in base64. chunk_offset: in the file.
    chunk_size 0: to the end of the file.
    """

    name: str = ""
    type: EntryType
    size: Count = 0
    modtime: str = ""
    link_name: str = ""
    mode: Mode = 0
    uid: int = 0
    gid: int = 0
    user_name: str = ""
    group_name: str = ""
    offset: Count = 0
    inner_offset: Count = 0
    dev_major: int = 0
    dev_minor: int = 0
    xattrs: dict[str, str] | None = None
    digest: str = ""
    chunk_offset: Count = 0
    chunk_size: Count = 0
    chunk_digest: str = ""


class TocDocument(msgspec.Struct, frozen=True):
    """The JSON document. The reference reader never looks at `version`."""

    entries: list[TocEntry] = []


class _ExactEntry(TocEntry, frozen=True, gc=False, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """An entry with no other keys than the format's, in their exact case: `TocDocument` needs no second look."""

    num_link: int = msgspec.field(default=0, name="NumLink")  # old writers left it in


class _ExactDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: int = 0
    entries: list[_ExactEntry] = []


def parse_toc(raw: bytes | bytearray, where: str, *, max_entries: int) -> list[TocEntry]:
    """Entries of TOC JSON, as Go's decoder takes it: unknown keys ignored, case of keys ignored. Raises `BadBlob`."""
    if len(raw) // MIN_ENTRY_BYTES > max_entries and raw.count(b"{") > max_entries:
        raise BadBlob(f"{where}: TOC has more than {max_entries} entries; no real layer has so many files")
    try:
        return cast(list[TocEntry], msgspec.json.decode(raw, type=_ExactDocument).entries)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass  # another writer's keys, or damaged
    try:
        return msgspec.json.decode(_OTHER_CASE.sub(_exact_case, raw), type=TocDocument).entries
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadBlob(f"{where}: TOC JSON does not parse ({error}); rebuild the layer or fetch it again") from None


_KEYS = {key.lower().encode(): key.encode() for key in ("entries", *TocEntry.__struct_encode_fields__)}
_ANY_KEY = b"|".join(_KEYS.values())
# A key in another case than the format's, which Go takes as well. Inside a string its quotes would be escaped.
_OTHER_CASE = re.compile(rb'"(?!(?:' + _ANY_KEY + rb')")((?i:' + _ANY_KEY + rb'))"(?=[ \t\r\n]*:)')


def _exact_case(match: re.Match[bytes]) -> bytes:
    return b'"' + _KEYS[match[1].lower()] + b'"'

"""eStargz and zstd:chunked blobs made by hand, right or wrong in one place."""

import gzip
import hashlib
import io
import json
import tarfile

import zstandard

from sim.core.source import BytesSource

EMPTY_BODY = b"\x01\x00\x00\xff\xff" + bytes(8)


def sha(data):
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def footer(toc_offset, *, digits=None, magic=b"STARGZ", ids=b"SG", length=22):
    subfield = (digits or b"%016x" % toc_offset) + magic
    extra = ids + length.to_bytes(2, "little") + subfield
    return b"\x1f\x8b\x08\x04\0\0\0\0\0\xff" + len(extra).to_bytes(2, "little") + extra + EMPTY_BODY


def legacy_footer(toc_offset):
    return b"\x1f\x8b\x08\x04\0\0\0\0\0\xff\x16\x00" + b"%016xSTARGZ" % toc_offset + EMPTY_BODY


def external_footer():
    return b"\x1f\x8b\x08\x04\0\0\0\0\0\xff\x15\x00SG\x11\x00STARGZEXTERNALTOC" + EMPTY_BODY


def skippable(data):
    return b"\x50\x2a\x4d\x18" + len(data).to_bytes(4, "little") + data


def zstd_footer(offset, size, raw_size, *, kind=1, magic=b"GnUlInUx"):
    return skippable(b"".join(n.to_bytes(8, "little") for n in (offset, size, raw_size, kind)) + magic)


def zstd_frame(data, level=3):
    return zstandard.ZstdCompressor(level=level, write_checksum=True).compress(data)


def toc_member(text, *, name="stargz.index.json", kind=tarfile.REGTYPE):
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        entry = tarfile.TarInfo(name)
        entry.size, entry.type = len(text), kind
        tar.addfile(entry, io.BytesIO(text))
    return gzip.compress(raw.getvalue(), mtime=0)


ZSTD_HEAD = zstd_frame(bytes(512))
HEAD = gzip.compress(bytes(512), mtime=0)  # a tar header is before every payload


def blob(toc, payload=b"", **wrong):
    """A blob of payload members (after a head) and a TOC: entries, a document or bytes."""
    text = toc if isinstance(toc, bytes) else json.dumps(toc if isinstance(toc, dict) else {"entries": toc}).encode()
    before = HEAD + payload
    return BytesSource(before + toc_member(text, **wrong) + footer(len(before)), "hand.esgz")


def zstd_blob(toc, payload=b"", **wrong):
    """The same as zstd:chunked. wrong: other numbers for the footer."""
    text = toc if isinstance(toc, bytes) else json.dumps(toc if isinstance(toc, dict) else {"entries": toc}).encode()
    before, packed = ZSTD_HEAD + payload, zstd_frame(text)
    numbers = {"offset": len(before) + 8, "size": len(packed), "raw_size": len(text)} | wrong
    return BytesSource(before + skippable(packed) + zstd_footer(**numbers), "hand.zst")


def external_blob(toc, payload=b""):
    """A blob without a TOC, and the TOC's own blob."""
    before = HEAD + payload
    text = toc if isinstance(toc, bytes) else json.dumps({"entries": toc}).encode()
    return BytesSource(before + external_footer(), "hand.esgz"), BytesSource(toc_member(text), "hand.toc")


def file_entry(name, data, offset, **more):
    digests = {"digest": sha(data), "chunkDigest": sha(data)}
    return {"name": name, "type": "reg", "size": len(data), "offset": offset, **digests} | more

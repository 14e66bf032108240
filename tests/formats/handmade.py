"""eStargz blobs made by hand, right or wrong in one place."""

import gzip
import hashlib
import io
import json
import tarfile

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


def toc_member(text, *, name="stargz.index.json", kind=tarfile.REGTYPE):
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        entry = tarfile.TarInfo(name)
        entry.size, entry.type = len(text), kind
        tar.addfile(entry, io.BytesIO(text))
    return gzip.compress(raw.getvalue(), mtime=0)


HEAD = gzip.compress(bytes(512), mtime=0)  # a tar header is before every payload


def blob(toc, payload=b"", **wrong):
    """A blob of payload members (after a head) and a TOC: entries, a document or bytes."""
    text = toc if isinstance(toc, bytes) else json.dumps(toc if isinstance(toc, dict) else {"entries": toc}).encode()
    before = HEAD + payload
    return BytesSource(before + toc_member(text, **wrong) + footer(len(before)), "hand.esgz")


def file_entry(name, data, offset, **more):
    digests = {"digest": sha(data), "chunkDigest": sha(data)}
    return {"name": name, "type": "reg", "size": len(data), "offset": offset, **digests} | more

"""Damaged and hostile input: one clear line each (stargz.md §3.5 and §10, rows 32 to 45)."""

import gzip
import json
import random

import pytest

from sim.core.errors import BadBlob
from sim.core.source import BytesSource
from sim.formats.estargz import layers_layout, open_blob, read_file, verify
from sim.formats.estargz.footer import parse_footer
from sim.formats.inflate import PIECE_BYTES
from tests.formats import handmade
from tests.formats.bounds import peak_bytes, refused
from tests.formats.handmade import HEAD, blob, file_entry, footer, sha
from tests.formats.samples import blob_path

START = len(HEAD)
A, B = b"a" * 100, b"b" * 50
TWO = gzip.compress(A, mtime=0) + gzip.compress(B, mtime=0)
SECOND = START + len(gzip.compress(A, mtime=0))
GOOD = [file_entry("a", A, START), file_entry("b", B, SECOND)]
CHUNKS = [
    {
        "name": "f",
        "type": "reg",
        "size": 150,
        "digest": sha(A + B),
        "offset": START,
        "chunkSize": 100,
        "chunkDigest": sha(A),
    },
    {"name": "f", "type": "chunk", "offset": SECOND, "chunkOffset": 100, "chunkDigest": sha(B)},
]


EMPTY_CHUNK = {"name": "a", "type": "chunk", "offset": SECOND, "chunkOffset": 100, "chunkDigest": sha(b"")}


def changed(row, **values):
    entries = [dict(entry) for entry in GOOD]
    entries[row] |= values
    return blob(entries, TWO)


def rechunked(row, **values):
    entries = [dict(entry) for entry in CHUNKS]
    entries[row] |= values
    return blob(entries, TWO)


def test_the_blobs_these_tests_damage_are_good():
    assert verify(open_blob(blob(GOOD, TWO))).files == 2
    chunked = open_blob(blob(CHUNKS, TWO))
    assert verify(chunked).chunks == 2
    assert read_file(chunked, "f", 99, 2) == b"ab"


WHOLE = blob(GOOD, TWO).data
BODY, TOC_AT = WHOLE[:-51], START + len(TWO)


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (b"", "no eStargz or zstd:chunked footer"),
        (WHOLE[:39], "no eStargz or zstd:chunked footer"),
        (WHOLE[:-1], "no eStargz or zstd:chunked footer"),
        (WHOLE + bytes(10), "no eStargz or zstd:chunked footer"),
        (BODY + footer(TOC_AT, magic=b"STARGX"), "no eStargz or zstd:chunked footer"),
        (BODY + footer(TOC_AT, ids=b"SX"), "no eStargz or zstd:chunked footer"),
        (BODY + footer(TOC_AT, length=21), "no eStargz or zstd:chunked footer"),
        (BODY + footer(0, digits=b"-00000000000000f"), "no eStargz or zstd:chunked footer"),
        (BODY + footer(0, digits=b"7fffffffffffffff"), "not before the footer"),
        (BODY + footer(len(WHOLE) + 5), "not before the footer"),
        (BODY + footer(len(BODY)), "not before the footer"),
        (BODY + footer(0), "not before the footer"),
        (BODY + footer(START), "no tar header"),
        (BODY + footer(START + 1), "gzip member at byte .* is damaged"),
        (BODY + handmade.external_footer(), "keeps its TOC in another image"),
        (handmade.external_footer(), "keeps its TOC in another image"),
        (footer(0), "not before the footer"),
        (BODY[:-9] + footer(TOC_AT), "is cut at byte"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_bad_footers(data, match):
    refused(BytesSource(data, "hand.esgz"), match)


def test_footers_the_reference_reader_takes_too():
    upper = footer(0, digits=b"%016X" % TOC_AT)
    checksum = footer(TOC_AT)[:-1] + b"\x07"
    for tail in (upper, checksum, handmade.legacy_footer(TOC_AT)):
        assert open_blob(BytesSource(BODY + tail)).footer.toc_offset == TOC_AT


@pytest.mark.parametrize(
    ("text", "match"),
    [
        (b"", "does not parse"),
        (b'{"version":1,"entries":[', "does not parse"),
        (b"null", "does not parse"),
        (b"[]", "does not parse"),
        (b'{"entries":null}', "does not parse"),
        (b'{"entries":[null]}', "does not parse"),
        (b'{"entries":[{"name":"a"}]}', "required field `type`"),
        (b'{"entries":[{"name":"a","type":"socket"}]}', "Invalid enum value 'socket'"),
        (b'{"entries":[{"name":"a","type":"reg","size":1.5}]}', r"\$.entries\[0\].size"),
        (b'{"entries":[{"name":"a","type":"reg","size":-1}]}', r"\$.entries\[0\].size"),
        (b'{"entries":[{"name":"a","type":"reg","SIZE":-1}]}', r"\$.entries\[0\].size"),
        (b'{"entries":[{"name":"a","type":"reg","size":99999999999999999999}]}', r"\$.entries\[0\].size"),
        (b'{"entries":[{"name":"a\xff","type":"dir"}]}', "does not parse"),
        (b'{"entries":[],"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "does not parse"),
        (b'{"ENTRIES":[],"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "does not parse"),
        (b'{"entries":[]} {}', "does not parse"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_bad_toc_json(text, match):
    refused(blob(text), match)


@pytest.mark.parametrize(
    ("source", "match"),
    [
        (blob([], name="./stargz.index.json"), r"TOC entry is called '\./stargz"),
        (blob([], name="other.json"), "TOC entry is called 'other.json'"),
        (blob([], kind=b"2"), "no tar header|TOC entry is called"),
    ],
)
def test_bad_toc_tar_entry(source, match):
    refused(source, match)


def test_a_toc_is_read_as_go_reads_json():
    """Unknown keys, another version, keys in another case; absent entries are an empty layer (row 36)."""
    text = json.dumps(
        {"Version": 2, "ENTRIES": [{"Name": "./d/", "TYPE": "dir", "Mode": 16877, "NumLink": 0, "x": [1]}]}
    )
    opened = open_blob(blob(text.encode()))
    assert opened.files.paths == ["d"]
    assert opened.files.modes.tolist() == [0o755]
    assert open_blob(blob(b"{}")).files.paths == []


def test_only_keys_have_no_case_and_the_last_of_two_wins():
    text = rb'{"entries":[{"type":"dir","name":"\"Size\":","NAME" : "Name","mode":1,"Mode":2,"linkName":"\"Mode\":"}]}'
    opened = open_blob(blob(text))
    assert opened.files.paths == ["Name"]
    assert opened.files.modes.tolist() == [2]
    assert opened.entries[0].link_name == '"Mode":'


@pytest.mark.parametrize(
    ("source", "match"),
    [
        (changed(0, offset=TOC_AT), "outside the payload"),
        (changed(0, offset=1 << 50), "outside the payload"),
        (changed(0, offset=0), "outside the payload"),
        (changed(0, offset=SECOND), "overlaps"),
        (changed(0, offset=SECOND + 1), "before its predecessor"),
        (changed(0, offset=START + 3), "is damaged"),
        (changed(0, size=101), "ends after 100 of 101"),
        (changed(0, size=99), "does not have the digest"),
        (changed(0, innerOffset=5), "ends after 100 of 105"),
        (changed(0, chunkSize=1 << 50), "do not add up"),
        (changed(0, size=10**15, chunkSize=1), "do not add up"),
        (changed(0, size=1 << 52, chunkSize=1 << 52), "ends after 100 of"),
        (changed(0, chunkSize=50), "do not add up"),
        (changed(0, digest=sha(B)), "file and chunk digest of 'a' differ"),
        (changed(0, digest="md5:00"), "file digest 'md5:00'"),
        (changed(0, chunkDigest="sha256:" + "0g" * 32), "chunk digest"),
        (changed(0, digest="sha256: " + "0" * 63), "file digest"),
        (changed(0, digest="", chunkDigest=""), "no digest for file 'a'"),
        (changed(0, digest=sha(B), chunkDigest=sha(B)), "does not have the digest"),
        (changed(0, name="a\0b"), "NUL byte"),
        (changed(0, name="x/.wh."), "whiteout 'x/.wh.' names nothing"),
        (rechunked(1, chunkOffset=90), "does not follow"),
        (rechunked(1, chunkOffset=110), "does not follow"),
        (rechunked(1, chunkOffset=0), "does not follow"),
        (rechunked(1, chunkSize=49), "do not add up"),
        (rechunked(1, offset=START, innerOffset=99), "overlaps"),
        (rechunked(0, chunkSize=0), "do not add up|does not follow"),
        (rechunked(0, size=0), "of no file with bytes"),
        (rechunked(0, type="dir"), "of no file with bytes"),
        (rechunked(1, chunkDigest=""), "no digest in the TOC"),
        (rechunked(0, digest=""), "no digest for file 'f'"),
        (rechunked(0, digest=sha(B)), "'f' does not have its digest"),
        (blob(CHUNKS[1:], TWO), "of no file with bytes"),
        (blob([GOOD[0] | {"chunkSize": 100}, EMPTY_CHUNK], TWO), "does not follow"),
    ],
)
def test_bad_places_sizes_and_digests(source, match):
    refused(source, match)


@pytest.mark.parametrize(
    ("links", "match"),
    [
        ({"l": "nowhere"}, "leads to 'nowhere'"),
        ({"l": "l"}, "back to itself"),
        ({"l": "m", "m": "n", "n": "l"}, "back to itself"),
        ({"l": "d"}, "leads to 'd'"),
        ({"l": ""}, "leads to ''"),
        ({"l": ".prefetch.landmark"}, "leads to '.prefetch.landmark'"),
    ],
)
def test_bad_hard_links(links, match):
    entries = [{"name": "d", "type": "dir"}, *GOOD]
    entries += [{"name": name, "type": "hardlink", "linkName": target} for name, target in links.items()]
    refused(blob(entries, TWO), match)


def test_a_link_before_its_target_and_a_long_chain_are_good():
    links = [{"name": f"l{i}", "type": "hardlink", "linkName": f"./l{i + 1}"} for i in range(5000)]
    opened = open_blob(blob([*links, {"name": "l5000", "type": "hardlink", "linkName": "/a"}, *GOOD], TWO))
    assert read_file(opened, "l0", 0, 3) == b"aaa"


def test_a_path_that_climbs_or_replaces_the_root_does_neither():
    entries = [file_entry("", A, START), file_entry("../../etc/./b", B, SECOND), {"name": "/", "type": "dir"}]
    tree, _ = layers_layout([open_blob(blob(entries, TWO))])
    assert tree.files.column("path").to_pylist() == ["etc/b"]


def test_a_flipped_byte_anywhere_in_the_payload_is_noticed():
    """Every byte of the members of two files; the gzip header's time, level and system mean nothing."""
    ignored = {start + i for start in (START, SECOND) for i in (4, 5, 6, 7, 8, 9)}
    for at in range(START, TOC_AT):
        data = bytearray(WHOLE)
        data[at] ^= 0xFF
        if at not in ignored:
            refused(BytesSource(bytes(data), "hand.esgz"), "hand.esgz")


def test_a_flipped_bit_in_a_read_chunk_is_never_given_out():
    data = bytearray(blob_path("sizes").read_bytes())
    good = open_blob(BytesSource(bytes(data)))
    row = good.files.find("s/5017")
    chunk = int((good.chunks.owner == good.files.source[row]).argmax())
    data[good.chunks.offset[chunk] + 40] ^= 1
    damaged = open_blob(BytesSource(bytes(data), "hand.esgz"))
    with pytest.raises(BadBlob, match=r"digest in the TOC|is damaged"):
        read_file(damaged, "s/5017", 10, 1)
    assert read_file(damaged, "s/5017", 1000, 1000) == read_file(good, "s/5017", 1000, 1000)


def bomb(size):
    """A TOC that decodes to `size` blanks, from a thousandth of it."""
    head = blob(b"").data[: len(HEAD)]
    raw = gzip.decompress(handmade.toc_member(b" " * 100))
    header = bytearray(raw[:512])
    header[124:136] = b"%011o\0" % size
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return BytesSource(head + gzip.compress(bytes(header) + b" " * size, mtime=0) + footer(len(head)), "hand.esgz")


def test_a_toc_bomb_is_refused_before_it_is_decoded():
    source = bomb(64 << 20)
    assert peak_bytes(lambda: refused(source, "at most 1048576 are read", max_toc_bytes=1 << 20)) < 2 << 20


def test_what_follows_a_toc_is_not_decoded_without_end():
    text = gzip.decompress(handmade.toc_member(b"{}")) + bytes(64 << 20)
    source = BytesSource(HEAD + gzip.compress(text, mtime=0) + footer(len(HEAD)), "hand.esgz")
    assert peak_bytes(lambda: refused(source, "goes on long after")) < 4 << 20


class CountingSource:
    """A blob in memory that counts what is read of it."""

    def __init__(self, data):
        self.name, self.size, self.read_bytes = "hand.esgz", len(data), 0
        self._inner = BytesSource(data, self.name)

    def read_at(self, offset, length):
        self.read_bytes += length
        return self._inner.read_at(offset, length)


def test_what_follows_a_toc_is_read_no_further_than_needed_to_refuse_it():
    text = gzip.decompress(handmade.toc_member(b"{}")) + random.Random(1).randbytes(8 << 20)
    source = CountingSource(HEAD + gzip.compress(text, mtime=0) + footer(len(HEAD)))
    refused(source, "goes on long after")
    assert source.read_bytes < 2 << 20


def test_the_checksum_after_the_last_chunk_of_a_member_is_looked_at():
    """The chunk is in the first decoded piece, the member's checksum some pieces later."""
    member = bytearray(gzip.compress(A + bytes(4 * PIECE_BYTES), mtime=0))
    entries = [file_entry("a", A, START)]
    assert verify(open_blob(blob(entries, bytes(member)))).chunks == 1
    member[-8] ^= 1
    refused(blob(entries, bytes(member)), "is damaged")


def test_too_many_entries_are_refused_before_they_are_built():
    text = b'{"entries":[' + b",".join([b"{}"] * 200_000) + b"]}"
    assert peak_bytes(lambda: refused(blob(text), "more than 1000 entries", max_toc_entries=1000)) < 8 << 20


def test_a_chunk_bomb_is_refused_in_bounded_memory():
    """64 MiB of zeros in one chunk: reading is bounded by the declared size, verifying by the size of a piece."""
    zeros = gzip.compress(bytes(64 << 20), mtime=0)
    entries = [file_entry("z", A, START, size=64 << 20)]
    source = blob(entries, zeros)
    assert peak_bytes(lambda: refused(source, "does not have the digest")) < 4 << 20
    short = open_blob(blob([file_entry("z", A, START)], zeros))

    def read():
        with pytest.raises(BadBlob, match="does not have the digest"):
            read_file(short, "z", 0, 1)

    assert peak_bytes(read) < 4 << 20


def test_deep_paths_cost_no_more_than_their_length():
    deep = "/".join(["d"] * 9000)
    entries = [{"name": f"{deep}/{i}", "type": "dir"} for i in range(50)]
    assert len(open_blob(blob(entries)).files.paths) == 50
    refused(blob([{"name": "/".join(["d"] * 10_002), "type": "dir"}]), "more than 10000 folders deep")


def test_parse_footer_wants_the_last_bytes_only():
    assert parse_footer(WHOLE[-51:], len(WHOLE), "x").toc_offset == TOC_AT

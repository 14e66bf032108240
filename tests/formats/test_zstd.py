"""Zstd tar layers and zstd:chunked: what encoders write, and frames that are cut, damaged or hostile."""

import gzip

import pytest
import zstandard

from sim.core.errors import BadBlob
from sim.core.source import BytesSource
from sim.formats.estargz import layers_layout, open_blob, read_file, verify
from sim.formats.tarlayer import read_tar_layer, tar_layers_layout
from sim.formats.zstdframes import decode_frame, decode_frames
from tests.formats.bounds import peak_bytes, refused
from tests.formats.handmade import ZSTD_HEAD, file_entry, sha, skippable, zstd_blob, zstd_footer, zstd_frame
from tests.formats.samples import tar_path

RAW = gzip.decompress(tar_path("prefetch").read_bytes())
START = len(ZSTD_HEAD)
A, B = b"a" * 100, b"b" * 50
TWO = zstd_frame(A) + zstd_frame(B)
SECOND = START + len(zstd_frame(A))
GOOD = [file_entry("a", A, START), file_entry("b", B, SECOND)]


def decoded(data):
    return b"".join(decode_frames(BytesSource(data, "x.zst")))


@pytest.mark.parametrize("level", [-5, 1, 3, 10, 19])
@pytest.mark.parametrize("sized", [True, False])
@pytest.mark.parametrize("checked", [True, False])
def test_whatever_an_encoder_writes_is_decoded(level, sized, checked):
    """With and without content size, checksum and single segment; stored, repeated and compressed blocks."""
    packer = zstandard.ZstdCompressor(level=level, write_content_size=sized, write_checksum=checked)
    for raw in (b"", b"x", RAW, bytes(400_000), zstandard.ZstdCompressor().compress(RAW) * 7):
        assert decoded(packer.compress(raw)) == raw


def test_flushed_frames_skippable_frames_and_many_frames_are_one_stream():
    packer = zstandard.ZstdCompressor(level=3).compressobj()
    flushed = packer.compress(RAW[:5000]) + packer.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
    flushed += packer.compress(RAW[5000:9000]) + packer.flush()
    rest = b"".join(zstd_frame(RAW[at : at + 3000]) for at in range(9000, len(RAW), 3000))
    data = skippable(b"") + flushed + b"\x5f\x2a\x4d\x18\x05\0\0\0hello" + rest + skippable(bytes(300_000))
    assert decoded(data) == RAW
    assert decoded(b"") == b""
    layer = read_tar_layer(BytesSource(data, "x.zst"))
    assert layer.codec == "zstd"
    assert layer.raw_size == len(RAW)


def test_one_frame_is_decoded_to_its_end_and_no_further():
    data = zstd_frame(A) + zstd_frame(B)
    assert b"".join(decode_frame(BytesSource(data), 0, len(data))) == A
    assert b"".join(decode_frame(BytesSource(data), len(zstd_frame(A)), len(data))) == B


def test_a_zstd_layer_is_one_unit():
    tree, layout = tar_layers_layout([read_tar_layer(BytesSource(zstd_frame(RAW)))])
    plain, _ = tar_layers_layout([read_tar_layer(BytesSource(RAW))])
    assert tree.content_id == plain.content_id
    assert layout.format == "gzip"  # the label of ordinary layers
    (unit,) = layout.units.to_pylist()
    assert (unit["codec"], unit["size"]) == ("zstd", len(zstd_frame(RAW)))
    assert layout.blobs.column("media_type").to_pylist() == ["application/vnd.oci.image.layer.v1.tar+zstd"]


def test_every_cut_of_a_frame_is_noticed():
    data = zstd_frame(RAW[:3000])
    for size in range(1, len(data)):
        with pytest.raises(BadBlob, match=r"is cut|is damaged"):
            decoded(data[:size])


def test_every_flipped_byte_of_a_frame_with_a_checksum_is_noticed():
    data = zstd_frame(RAW[:1500])
    for at in range(len(data)):
        changed = bytearray(data)
        changed[at] ^= 0xFF
        try:
            got = decoded(bytes(changed))
        except BadBlob:
            continue
        assert got == RAW[:1500], at


def huge_window():
    """A frame that asks for a window of 2 GiB."""
    return b"\x28\xb5\x2f\xfd\x00" + bytes([21 << 3]) + b"\x01\x00\x00"


def huge_content():
    """One segment of 2^40 bytes."""
    return b"\x28\xb5\x2f\xfd" + bytes([0b11100000]) + (1 << 40).to_bytes(8, "little") + b"\x03\x00\x00x"


@pytest.mark.parametrize(
    "data",
    [
        huge_window(),
        huge_content(),
        b"\x28\xb5\x2f\xfd\x00\x58" + b"\x07\x00\x00",  # a reserved block type
        b"\x28\xb5\x2f\xfd\x00\x58" + ((200_000 << 3) | 1).to_bytes(3, "little") + bytes(200_000),  # a block too large
        b"\x28\xb5\x2f\xfd\x01\x58\x07\x01\x00\x00",  # a dictionary nobody has
        zstd_frame(A) + b"garbage",
        zstd_frame(A) + bytes(100),
        skippable(b"abc")[:-1],
    ],
)
def test_frames_that_cannot_be_read_are_refused_in_one_line(data):
    with pytest.raises(BadBlob, match=r"zstd frame at byte \d+") as caught:
        decoded(data)
    assert "\n" not in str(caught.value)


def test_a_bomb_of_repeated_blocks_is_decoded_piece_by_piece():
    """4 bytes for each 128 KiB: 4 GiB from 128 KiB of input. Reading stops where the tar makes no sense."""
    block = ((1 << 17) << 3 | 1 << 1).to_bytes(3, "little") + b"x"
    data = b"\x28\xb5\x2f\xfd\x00\x58" + block * 32_768
    pieces = decode_frames(BytesSource(data))
    assert peak_bytes(lambda: [len(next(pieces)) for _ in range(50)]) < 2 << 20
    with pytest.raises(BadBlob, match="octal number"):
        read_tar_layer(BytesSource(data, "x.zst"))


def test_a_large_layer_takes_the_memory_of_its_names():
    data = zstd_frame(RAW[:512] + bytes(-len(RAW[:512]) % 512)) + zstd_frame(bytes(64 << 20), 1)
    read_tar_layer(BytesSource(zstd_frame(RAW)))
    assert peak_bytes(lambda: read_tar_layer(BytesSource(data))) < 4 << 20


def test_the_chunked_blobs_these_tests_damage_are_good():
    opened = open_blob(zstd_blob(GOOD, TWO))
    assert verify(opened).files == 2
    assert read_file(opened, "b", 10, 100) == B[10:]
    assert opened.footer.kind == "zstd-chunked"
    assert opened.toc.digest.startswith("sha256:")
    _, layout = layers_layout([opened])
    assert layout.format == "zstd-chunked"
    assert layout.units.column("codec").to_pylist() == ["zstd", "zstd"]


WHOLE = zstd_blob(GOOD, TWO).data
FOOTER_AT = len(WHOLE) - 48
TOC_AT = START + len(TWO) + 8


@pytest.mark.parametrize(
    ("source", "match"),
    [
        (zstd_blob(GOOD, TWO, magic=b"GNUlInUx"), "no eStargz or zstd:chunked footer"),
        (BytesSource(WHOLE[:-1], "hand.zst"), "no eStargz or zstd:chunked footer"),
        (BytesSource(WHOLE + b"\0", "hand.zst"), "no eStargz or zstd:chunked footer"),
        (BytesSource(WHOLE[-40:], "hand.zst"), "no eStargz or zstd:chunked footer"),
        (BytesSource(WHOLE[-48:], "hand.zst"), "do not end at the footer"),
        (BytesSource(zstd_footer(8, 1, 1), "hand.zst"), "do not end at the footer"),
        (zstd_blob(GOOD, TWO, offset=1 << 63), "do not end at the footer"),
        (zstd_blob(GOOD, TWO, offset=0), "do not end at the footer"),
        (zstd_blob(GOOD, TWO, size=0), "do not end at the footer"),
        (zstd_blob(GOOD, TWO, offset=TOC_AT + 1), "do not end at the footer"),
        (zstd_blob(GOOD, TWO, offset=TOC_AT - 9, size=FOOTER_AT - TOC_AT + 9), "no skippable frame"),
        (zstd_blob(GOOD, TWO, raw_size=1), "TOC is not of the 1 bytes"),
        (zstd_blob(GOOD, TWO, raw_size=100_000), "TOC is not of the 100000 bytes"),
        (zstd_blob(GOOD, TWO, raw_size=1 << 62), "at most 268435456 are read"),
        (zstd_blob(b'{"entries":[', TWO), "does not parse"),
        (zstd_blob(b"null", TWO), "does not parse"),
        (zstd_blob(b"", TWO), "does not parse"),
        (zstd_blob([GOOD[0], GOOD[1] | {"offset": TOC_AT - 8}], TWO), "outside the payload"),
        (zstd_blob([GOOD[0], GOOD[1] | {"offset": START + 3}], TWO), "zstd frame at byte"),
        (zstd_blob([GOOD[0] | {"digest": sha(B), "chunkDigest": sha(B)}, GOOD[1]], TWO), "does not have the digest"),
        (zstd_blob([GOOD[0] | {"size": 101}, GOOD[1]], TWO), "ends after 100 of 101"),
    ],
)
def test_bad_chunked_blobs(source, match):
    refused(source, match)


def test_the_type_of_manifest_is_not_looked_at():
    """As in the reference reader."""
    assert open_blob(BytesSource(WHOLE[:-48] + zstd_footer(TOC_AT, FOOTER_AT - TOC_AT, raw_toc_size(), kind=7)))


def raw_toc_size():
    return int.from_bytes(WHOLE[-24:-16], "little")


def test_a_toc_of_another_digest_is_refused():
    digest = open_blob(zstd_blob(GOOD, TWO)).toc.digest
    assert open_blob(zstd_blob(GOOD, TWO), toc_digest=digest).toc.digest == digest
    refused(zstd_blob(GOOD, TWO), "expected sha256:00", toc_digest="sha256:" + "00" * 32)


def test_a_toc_bomb_is_refused_before_it_is_decoded():
    """64 MiB of blanks; the footer says so, or says less than there is."""
    blanks = b" " * (64 << 20)
    told, lying = zstd_blob(blanks), zstd_blob(blanks, raw_size=1000)
    assert peak_bytes(lambda: refused(told, "at most 1048576 are read", max_toc_bytes=1 << 20)) < 2 << 20
    assert peak_bytes(lambda: refused(lying, "TOC is not of the 1000 bytes")) < 2 << 20


def test_a_chunk_bomb_is_refused_in_bounded_memory():
    zeros = zstd_frame(bytes(64 << 20), 1)
    source = zstd_blob([file_entry("z", A, START)], zeros)
    assert peak_bytes(lambda: refused(source, "does not have the digest")) < 4 << 20

"""Tar headers as they are written, read by the standard library, and times by the calendar."""

import datetime
import io
import tarfile

import pytest

from sim.core.errors import BadBlob
from sim.formats.tarentry import GNU, PAX, USTAR, TarEntry, parse_block
from sim.formats.tarwrite import encode_header
from sim.formats.tarwrite_dialect import split_name
from sim.formats.tarwrite_records import format_record, parse_records
from sim.formats.tarwrite_time import format_pax_time, parse_pax_time, toc_time

NS = 1_000_000_000
EIGHT_GIB = 1 << 33  # one more than what eleven octal digits hold


def read(blocks):
    """The one header of some blocks, by the standard library."""
    with tarfile.open(fileobj=io.BytesIO(blocks), ignore_zeros=True) as tar:
        return next(iter(tar))


@pytest.mark.parametrize(
    ("fields", "blocks"),
    [
        ({"size": EIGHT_GIB - 1}, 1),
        ({"size": EIGHT_GIB}, 3),
        ({"size": EIGHT_GIB, "dialects": GNU}, 1),
        ({"uid": 2_097_151, "gid": 2_097_151}, 1),
        ({"uid": 2_097_152}, 3),
        ({"uid": 1 << 40, "dialects": GNU}, 1),
        ({"mtime_ns": -5 * NS}, 3),
        ({"mtime_ns": -5 * NS, "dialects": GNU}, 1),
        ({"mtime_ns": 3 * NS // 2, "dialects": PAX}, 3),
        ({"name": b"n" * 101}, 3),
        ({"name": b"d" * 155 + b"/" + b"n" * 100}, 1),
        ({"name": b"d" * 156 + b"/" + b"n" * 100}, 3),
        ({"name": b"n" * 101, "dialects": GNU}, 3),
        ({"flag": b"2", "link": b"t" * 200}, 3),
        ({"uname": "ю".encode()}, 3),
        ({"mode": 0o7777, "dialects": USTAR}, 1),
    ],
)
def test_a_header_reads_back_and_takes_the_plainest_dialect(fields, blocks):
    """Ustar is one block; PAX and GNU long names take two more; GNU numbers stay in the header."""
    entry = TarEntry(**{"flag": b"0", "name": b"name"} | fields)
    header = encode_header(entry, "test")
    assert len(header) == blocks * 512
    found = read(header)
    assert found.name == entry.name.decode()
    assert found.linkname == entry.link.decode()
    assert (found.size, found.mode, found.uid, found.gid) == (entry.size, entry.mode, entry.uid, entry.gid)
    assert found.mtime == entry.mtime_ns / NS
    assert found.uname == entry.uname.decode()


def test_a_fraction_of_a_second_goes_where_no_dialect_is_asked_for():
    assert read(encode_header(TarEntry(flag=b"0", name=b"f", mtime_ns=3 * NS // 2), "test")).mtime == 2


def test_what_no_dialect_can_say_is_refused():
    with pytest.raises(BadBlob, match="no dialect of tar can hold"):
        encode_header(TarEntry(flag=b"0", name=b"f/"), "test")


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        (b"short/name", None),
        (b"a/" + b"b" * 99, (b"a", b"b" * 99)),
        (b"a" * 101, None),
        (b"/" + b"b" * 101, None),
        ("д/".encode() * 40, None),
    ],
)
def test_long_names_are_cut_at_a_slash_where_both_parts_fit(name, parts):
    assert split_name(name) == parts


@pytest.mark.parametrize("key_length", [1, 4, 5, 6, 90, 93, 94, 95, 990])
def test_a_record_counts_its_own_digits(key_length):
    key = b"k" * key_length
    record = format_record(key, b"v")
    assert int(record.split(b" ")[0]) == len(record)
    assert parse_records(record, "test") == {key: b"v"}


@pytest.mark.parametrize(
    ("text", "time_ns"),
    [
        (b"0", 0),
        (b"1.5", 1_500_000_000),
        (b"-1.5", -1_500_000_000),
        (b"-0.000000001", -1),
        (b"12.3456789019", 12_345_678_901),
        (b"5.", 5 * NS),
        (b"+7", 7 * NS),
    ],
)
def test_pax_times(text, time_ns):
    assert parse_pax_time(text, "test") == time_ns
    assert parse_pax_time(format_pax_time(time_ns), "test") == time_ns


@pytest.mark.parametrize("second", [-86_400 * 366, -1, 1, 951_782_400, 1_600_000_000, 253_402_300_799])
def test_toc_times_are_of_the_calendar(second):
    day = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=second)
    assert toc_time(second * NS) == day.isoformat() + "Z"


def test_toc_times_are_rounded_and_the_first_second_is_none():
    """Go leaves times of Unix second 0 out before it rounds; halves go up, before 1970 too."""
    assert toc_time(0) == toc_time(NS - 1) == ""
    assert toc_time(3 * NS // 2) == "1970-01-01T00:00:02Z"
    assert toc_time(-NS // 2) == "1970-01-01T00:00:00Z"
    assert toc_time(253_402_300_800 * NS) == "10000-01-01T00:00:00Z"


def test_numbers_in_base_256_have_a_sign():
    block = encode_header(TarEntry(flag=b"0", name=b"f", mtime_ns=-2 * NS, dialects=GNU), "test")
    assert block[136:148] == b"\xff" * 11 + b"\xfe"
    assert parse_block(block, "test").mtime_ns == -2 * NS

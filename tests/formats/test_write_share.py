"""Units that chunks share: the shortest that are long enough, the same from any number of threads, in few tries."""

import random
import zlib

import deflate
import numpy as np
import pytest

from sim.core.source import BytesSource
from sim.formats.estargz import WriteOptions, verify, write_share
from sim.formats.estargz.write_pack import GzipPacker, packer_of
from sim.formats.estargz.write_parts import Chunk, Part
from sim.formats.estargz.write_share import UnitPacker
from tests.formats.write_tools import convert, entry, folder, source_of

LEAST = 5000
GZIP_AROUND = 18  # header and trailer of a member: RFC 1952, 2.3


def words(size, seed):
    """Text that deflates to a quarter or so."""
    rng = random.Random(seed)
    known = [rng.randbytes(4).hex().encode() for _ in range(200)]
    return b" ".join(rng.choices(known, k=size // 9 + 1))[:size]


def noise(size, seed):
    return random.Random(seed).randbytes(size)


def mixed(count, seed):
    """Small and large files that compress well, badly and not at all, in no order."""
    rng = random.Random(seed)
    makes = (words, noise, lambda size, _: bytes(size))
    return [
        entry(f"f{number}", rng.choice(makes)(rng.choice((1, 700, 3000, 40_000)), number)) for number in range(count)
    ]


def units_of(blob):
    """Size, decoded bytes and start of the last chunk of each unit; the landmark's unit is the first."""
    table, data = blob.chunks, blob.source.read_at(0, blob.source.size)
    last = np.append(np.flatnonzero(np.diff(table.unit)), len(table.unit) - 1)
    for row, (offset, size) in enumerate(zip(table.unit_offset.tolist(), table.unit_size.tolist(), strict=True)):
        yield size, zlib.decompress(data[offset : offset + size], 31), int(table.inner_offset[last[row]])


@pytest.mark.parametrize(
    ("files", "most_longer"),
    [([entry(f"f{i}", words(900, i)) for i in range(400)], 0), (mixed(400, 1), 0.05)],
    ids=["alike", "mixed"],
)
def test_a_unit_ends_at_the_first_chunk_that_finds_it_long_enough(files, most_longer, tmp_path):
    """Without its last chunk it would be too short, by the compressor itself; the last unit takes in what is left.

    Where files differ much, the guess takes some units for the shortest that are not.
    """
    _, blob = convert(source_of(*files), tmp_path / "blob", WriteOptions(min_chunk_size_bytes=LEAST))
    units = list(units_of(blob))
    longer = 0
    for size, raw, last in units[:-1]:
        assert size == len(deflate.deflate_compress(raw, 9)) + GZIP_AROUND >= LEAST
        longer += len(deflate.deflate_compress(raw[:last], 9)) + GZIP_AROUND >= LEAST
    assert longer <= most_longer * len(units)
    assert units[-1][0] >= LEAST
    assert len(units) > 5
    assert verify(blob).files == 401


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_bytes_do_not_depend_on_the_number_of_threads(compression, tmp_path):
    """Several batches of shared units, and a file that is too large for any."""
    files = [*mixed(500, 2), entry("large", bytes(17 << 20)), *mixed(500, 3)]
    options = WriteOptions(compression=compression, level=1, min_chunk_size_bytes=LEAST, chunk_size_bytes=1 << 25)
    digests = {
        convert(source_of(*files), tmp_path / "blob", options, workers=workers)[0].digest for workers in (1, 2, 7)
    }
    assert len(digests) == 1


def test_batches_end_with_units_that_are_long_enough(tmp_path):
    """12 MB in batches of 4 MiB: what is left at the end of one is with the unit before."""
    layer = source_of(*(entry(f"f{i}", words(3000, i)) for i in range(4000)))
    _, blob = convert(layer, tmp_path / "blob", WriteOptions(level=1, min_chunk_size_bytes=LEAST))
    sizes = blob.chunks.unit_size
    assert sizes.min() >= LEAST
    assert sizes.max() < 2 * LEAST + 3000
    assert verify(blob).files == 4001


def test_a_large_chunk_does_not_part_small_files_from_what_follows(tmp_path):
    """Files of 3 kB and of almost 5 MB take turns, batches end at 4 MiB: no unit is short."""
    files = [(words(3000, i), noise(4_900_000, i))[i % 2] for i in range(6)]
    _, blob = convert(
        source_of(*(entry(f"f{i}", data) for i, data in enumerate(files))),
        tmp_path / "blob",
        WriteOptions(level=1, chunk_size_bytes=1 << 24, min_chunk_size_bytes=LEAST),
    )
    assert blob.chunks.unit_size.min() >= LEAST


def test_what_never_gets_long_enough_ends_with_its_batch(tmp_path):
    """40 MiB of zeros deflate to about 40 kB: units as long as is packed at once, 16 MiB, but for the landmark's."""
    layer = source_of(folder("d/"), *(entry(f"d/{i}", bytes(4 << 20)) for i in range(10)))
    _, blob = convert(layer, tmp_path / "blob", WriteOptions(level=1, min_chunk_size_bytes=1 << 30))
    raw = np.bincount(blob.chunks.unit, weights=blob.chunks.length)
    assert raw.tolist() == [(12 << 20) + 1, 12 << 20, 12 << 20, 4 << 20]
    assert verify(blob).chunks == 11


class Counting(GzipPacker):
    """Counts the bytes it packs."""

    def __init__(self):
        super().__init__(1)
        self.packed = 0

    def pack(self, raw):
        self.packed += len(raw)
        return super().pack(raw)


ADVERSE = {
    "zeros, then noise": [bytes(1000)] * 1000 + [noise(1000, i) for i in range(1000)],
    "noise, then zeros": [noise(1000, i) for i in range(1000)] + [bytes(1000)] * 1000,
    "far repeats": [noise(1000, i % 40) for i in range(2000)],  # farther than ISA-L looks back, not than libdeflate
    "single bytes": [b"x"] * 2000,
    "mixed": [entry[512:] for entry in mixed(300, 5)],
}


@pytest.mark.parametrize("name", ADVERSE)
def test_a_guess_that_is_led_astray_costs_a_few_tries(name):
    """Units are long enough all the same, and each byte is packed a few times at most."""
    pieces = ADVERSE[name]
    starts = np.cumsum([0, *map(len, pieces)]).tolist()
    chunks = [Chunk(start, 0, len(piece), None, 0, True, True) for start, piece in zip(starts, pieces, strict=False)]
    packer = Counting()
    tar = BytesSource(b"".join(pieces), "tar")
    units = UnitPacker(packer, tar, 20_000).pack([Part(chunk, opens=True) for chunk in chunks])
    assert b"".join(unit.raw for unit in units) == tar.data
    assert all(len(unit.packed) >= 20_000 for unit in units) or len(units) == 1
    assert packer.packed < (write_share.MOST_TRIES + 3) * tar.size


def test_a_batch_is_never_more_than_is_packed_whole():
    for options in (
        WriteOptions(min_chunk_size_bytes=1 << 30),
        WriteOptions(compression="zstd", min_chunk_size_bytes=1),
    ):
        packer = packer_of(options)
        batch = UnitPacker(packer, BytesSource(b""), options.min_chunk_size_bytes).batch_bytes
        assert 4 << 20 <= batch <= packer.whole_bytes

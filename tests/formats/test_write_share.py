"""Units that chunks share: runs that are long enough, the same from any number of threads, in few tries."""

import random
import zlib
from itertools import chain

import deflate
import numpy as np
import pytest

from sim.core.source import BytesSource
from sim.formats.estargz import WriteOptions, verify
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
    return [rng.choice(makes)(rng.choice((1, 700, 3000, 40_000, 200_000)), number) for number in range(count)]


def units_of(blob):
    """Each unit as the bytes from each of its chunks to the next one; the landmark's unit is the first."""
    table, data = blob.chunks, blob.source.read_at(0, blob.source.size)
    for unit, (offset, size) in enumerate(zip(table.unit_offset.tolist(), table.unit_size.tolist(), strict=True)):
        raw = zlib.decompress(data[offset : offset + size], 31)
        rows = table.unit == unit
        inner, length = table.inner_offset[rows].tolist(), table.length[rows].tolist()
        ends = [*inner[1:], len(raw)]
        yield [(raw[at:end], size) for at, end, size in zip(inner, ends, length, strict=True)]


def packed_size(raw):
    return len(deflate.deflate_compress(raw, 9)) + GZIP_AROUND


def joined_size(chunk):
    """What a file of up to 256 KiB counts in its run: half of what it packs to alone, at least all but 500 bytes."""
    raw, size = chunk
    first = min(size, 1 << 16)
    alone = packed_size(raw[:first]) * size // first
    return max(alone - alone // 2, alone - 500)


def ended(chunks, size_of, enough):
    """Groups of chunks, each closed when its sizes add up to enough."""
    groups, size = [[]], 0
    for chunk in chunks:
        if size >= enough:
            groups.append([])
            size = 0
        groups[-1].append(chunk)
        size += size_of(chunk)
    return groups


def flat(groups):
    return list(chain.from_iterable(groups))


def shared_slowly(chunks, least):
    """The rule of sim.core.sharing, step by step."""
    units = []
    for batch in ended(chunks, lambda chunk: 1024 + len(chunk[0]), 4 << 20):
        runs, own = ended(batch, joined_size, least + least // 8), []
        while runs:
            count = 1
            while is_short(flat(runs[:count]), least) and count < len(runs):
                count *= 2
            own.append(flat(runs[:count]))
            runs = runs[count:]
        if len(own) > 1 and is_short(own[-1], least):
            own[-2:] = [own[-2] + own[-1]]
        units += own
    return units


def is_short(chunks, least):
    return packed_size(b"".join(raw for raw, _ in chunks)) < least


@pytest.mark.parametrize("least", [500, 5000, 20_000])
@pytest.mark.parametrize(
    "files",
    [
        [words(900, i) for i in range(400)],
        [words(900, i % 3) + noise(50, i) for i in range(900)],  # all but 50 bytes are repeated: runs are too short
        mixed(600, 1),
    ],
    ids=["alike", "repeated", "mixed"],
)
def test_units_are_the_runs_that_are_long_enough_together(files, least, tmp_path):
    layer = source_of(*(entry(f"f{i}", data) for i, data in enumerate(files)))
    _, blob = convert(layer, tmp_path / "blob", WriteOptions(min_chunk_size_bytes=least))
    units = list(units_of(blob))
    assert units == shared_slowly(flat(units), least)
    assert len(units) > 1
    assert verify(blob).files == len(files) + 1


def test_of_a_long_chunk_no_more_is_packed_by_itself_than_is_enough():
    """A first block of noise is enough for a unit: the other 63 are packed once, in the unit, as is the last chunk."""
    size = 4 << 20
    packer, tar = Counting(), BytesSource(noise(2 * size, 1), "tar")
    chunks = [Chunk(start, 0, size, size, None, 0) for start in (0, size)]
    units = UnitPacker(packer, tar, 20_000).pack([Part(chunk, opens=True) for chunk in chunks])
    assert [len(unit.parts) for unit in units] == [1, 1]
    assert packer.packed == 2 * size + (1 << 16)


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_bytes_do_not_depend_on_the_number_of_threads(compression, tmp_path):
    """Several batches of shared units, and a file that is too large for any."""
    files = [*mixed(300, 2), bytes(17 << 20), *mixed(300, 3)]
    options = WriteOptions(compression=compression, level=1, min_chunk_size_bytes=LEAST, chunk_size_bytes=1 << 25)
    layer = source_of(*(entry(f"f{i}", data) for i, data in enumerate(files)))
    digests = {convert(layer, tmp_path / "blob", options, workers=workers)[0].digest for workers in (1, 2, 7)}
    assert len(digests) == 1


def test_batches_end_with_units_that_are_long_enough(tmp_path):
    """12 MB in batches of 4 MiB: what is left at the end of one is with the unit before."""
    layer = source_of(*(entry(f"f{i}", words(3000, i)) for i in range(4000)))
    _, blob = convert(layer, tmp_path / "blob", WriteOptions(level=1, min_chunk_size_bytes=LEAST))
    sizes = blob.chunks.unit_size
    assert sizes.min() >= LEAST
    assert sizes.max() < 3 * LEAST
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
    "mixed": mixed(300, 5),
}


@pytest.mark.parametrize("name", ADVERSE)
def test_each_byte_is_packed_a_few_times_at_most(name):
    """By itself, in units that are tried, and once more where a short one joins the one before."""
    pieces = ADVERSE[name]
    starts = np.cumsum([0, *map(len, pieces)]).tolist()
    chunks = [Chunk(start, 0, len(piece), len(piece), None, 0) for start, piece in zip(starts, pieces, strict=False)]
    packer = Counting()
    tar = BytesSource(b"".join(pieces), "tar")
    units = UnitPacker(packer, tar, 20_000).pack([Part(chunk, opens=True) for chunk in chunks])
    assert b"".join(unit.raw for unit in units) == tar.data
    assert all(len(unit.packed) >= 20_000 for unit in units) or len(units) == 1
    assert packer.packed < 4 * tar.size


def test_a_batch_is_never_more_than_is_packed_whole():
    for options in (
        WriteOptions(min_chunk_size_bytes=1 << 30),
        WriteOptions(compression="zstd", min_chunk_size_bytes=1),
    ):
        packer = packer_of(options)
        batch = UnitPacker(packer, BytesSource(b""), options.min_chunk_size_bytes).batch_bytes
        assert 4 << 20 <= batch <= packer.whole_bytes

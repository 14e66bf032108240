"""Made-up images: sizes that add up, bytes that compress as asked, the same for a seed, labelled as made up."""

import gzip
import hashlib
import json
import math
import random
import statistics
import tarfile
import zlib

import pytest

from sim.core.errors import BadInput
from sim.image.filesizes import FileSizes, draw_sizes, parse_file_sizes
from sim.image.filler import Filler
from sim.image.synth import SYNTHETIC, SynthOptions, synthesise
from sim.oci import create_image, open_image

OPTIONS = SynthOptions(size_bytes=300_000, file_sizes=FileSizes(4000, 1.5), compressibility=0.6, layers=3, seed=7)


def made(folder, options=OPTIONS):
    with create_image(f"oci:{folder}") as sink:
        return synthesise(sink, options)


def layer_bytes(folder, descriptor):
    return (folder / "blobs" / "sha256" / descriptor.digest.removeprefix("sha256:")).read_bytes()


@pytest.mark.parametrize("share", [0, 0.01, 0.1, 0.35, 0.5, 0.8, 0.95, 1])
def test_gzip_saves_the_share_that_was_asked_for(share):
    data = Filler(1, 2, compressibility=share).read(1 << 18)
    assert len(data) == 1 << 18
    assert 1 - len(zlib.compress(data, 6)) / len(data) == pytest.approx(share, abs=0.03)


def test_a_stream_does_not_depend_on_how_it_is_read():
    whole = Filler(3, compressibility=0.5).read(3_000_000)
    pieces = Filler(3, compressibility=0.5)
    assert b"".join(pieces.read(length) for length in (1, 1_500_000, 0, 1_499_999)) == whole
    assert Filler(4, compressibility=0.5).read(1000) != whole[:1000]


@pytest.mark.parametrize("files", [None, 1, 777])
@pytest.mark.parametrize("text", ["fixed:999", "lognormal:3kB:2"])
def test_sizes_add_up_to_the_total(text, files):
    sizes = draw_sizes(1_234_567, parse_file_sizes(text), random.Random(1), files=files)
    assert sum(sizes) == 1_234_567
    assert min(sizes) >= 0
    assert files in (None, len(sizes))


def test_sizes_follow_the_distribution():
    sizes = draw_sizes(400_000_000, FileSizes(10_000, 1.0), random.Random(5))
    logs = [math.log(size) for size in sizes]
    assert statistics.median(sizes) == pytest.approx(10_000, rel=0.05)
    assert statistics.stdev(logs) == pytest.approx(1.0, abs=0.03)
    assert statistics.fmean(sizes) == pytest.approx(10_000 * math.exp(0.5), rel=0.05)


def test_fixed_sizes_are_fixed():
    assert draw_sizes(2500, parse_file_sizes("fixed:1kB"), random.Random(1)) == [1000, 1000, 500]


@pytest.mark.parametrize(
    ("text", "why"),
    [("normal:3:4", "not known"), ("lognormal:8kB", "not known"), ("lognormal:8kB:x", "sigma"), ("fixed:0", "0 bytes")],
)
def test_a_distribution_that_makes_no_sense_is_refused(text, why):
    with pytest.raises(BadInput, match=why):
        parse_file_sizes(text)


def test_too_many_files_are_refused_before_any_is_drawn():
    with pytest.raises(BadInput, match="choose larger files"):
        draw_sizes(10**15, FileSizes(1000, 1), random.Random(1))


@pytest.mark.parametrize("wrong", [{"layers": 0}, {"layers": 128}, {"compressibility": 1.1}, {"size_bytes": -1}])
def test_wrong_options_are_refused_and_nothing_is_left(tmp_path, wrong):
    fields = {name: getattr(OPTIONS, name) for name in OPTIONS.__slots__}
    with pytest.raises(BadInput):
        made(tmp_path / "image", SynthOptions(**fields | wrong))
    assert list(tmp_path.iterdir()) == []


def test_the_image_is_a_real_one(tmp_path):
    done = made(tmp_path / "image")
    with open_image(f"oci:{tmp_path / 'image'}") as image:
        config = json.loads(image.document(image.config))
        manifest = json.loads(image.document(image.manifest))
        raw = [gzip.decompress(layer_bytes(tmp_path / "image", layer)) for layer in image.layers]
    assert config["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(layer).hexdigest()}" for layer in raw]
    names, total = [], 0
    for number in range(len(raw)):
        with tarfile.open(tmp_path / "image" / "blobs" / "sha256" / manifest["layers"][number]["digest"][7:]) as tar:
            files = [member for member in tar if member.isreg()]
            names += [member.name for member in files]
            total += sum(member.size for member in files)
    assert (total, len(names), len(set(names))) == (300_000, done.files, done.files)
    assert done.size_bytes == sum(layer["size"] for layer in manifest["layers"])
    assert len(manifest["layers"]) == len(config["history"]) == 3


def test_it_says_that_it_is_made_up(tmp_path):
    made(tmp_path / "image")
    with open_image(f"oci:{tmp_path / 'image'}") as image:
        config = json.loads(image.document(image.config))
        assert json.loads(image.annotations[SYNTHETIC])["seed"] == 7
        assert config["config"]["Labels"][SYNTHETIC] == image.annotations[SYNTHETIC]


def test_the_same_options_give_the_same_image_and_another_seed_another(tmp_path):
    fields = {name: getattr(OPTIONS, name) for name in OPTIONS.__slots__}
    digests = [
        made(tmp_path / name, SynthOptions(**fields | {"seed": seed})).digest
        for name, seed in (("a", 7), ("b", 7), ("c", 8))
    ]
    assert digests[0] == digests[1] != digests[2]


def test_no_bytes_make_an_image_of_empty_layers(tmp_path):
    done = made(tmp_path / "image", SynthOptions(size_bytes=0, file_sizes=FileSizes(100, 0), layers=2))
    assert (done.files, done.raw_size_bytes, done.layers) == (0, 0, 2)

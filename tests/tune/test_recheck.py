"""The estimate beside layers that were really written, and the image that is written in the end."""

import gzip
import hashlib
import json
from dataclasses import replace

import pytest

from sim.core.errors import BadInput, ContentMismatch
from sim.experiment.executors import Serial
from sim.image.layers import open_layers
from sim.image.opened import Image
from sim.image.verify import verify_image
from sim.oci.folder import ImageConfig, ImageLayer
from sim.oci.folder import write_image as write_folder
from sim.oci.packed import LayerBlob
from sim.tune import tuning
from sim.tune.candidate import DEFAULT, FULL_LANDMARK, Candidate
from sim.tune.document import document, settings
from sim.tune.gather import subject_of_image
from sim.tune.output import source_of_workload, write_image
from sim.tune.recheck import WRITTEN_HERE, Recheck, against_conversion, real_scores
from sim.tune.starts import Batch, run_batch
from sim.tune.tuning import tune
from tests.tune.small import LARGE, READ, make_subject, write_layers

SMALL_CHUNKS = Candidate(chunk_size_bytes=1 << 18, min_chunk_size_bytes=1 << 14, share=1.0, wait_at_most_s=10.0)


@pytest.fixture(scope="module")
def at_hand(tmp_path_factory):
    """The subject with its layers as files."""
    return make_subject(tmp_path_factory.mktemp("layers"), layers_at_hand=True)


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    """The layers as an OCI folder."""
    folder = tmp_path_factory.mktemp("image")
    layers = []
    for file in write_layers(folder):
        raw = gzip.decompress(file.read_bytes())
        digests = (f"sha256:{hashlib.sha256(data).hexdigest()}" for data in (file.read_bytes(), raw))
        layers.append(ImageLayer(LayerBlob(*digests, file.stat().st_size, len(raw)), file, {}))
    write_folder(folder / "oci", "mini", layers, ImageConfig(command=["run"], env={}, cwd="/"))
    return f"oci:{folder / 'oci'}"


@pytest.mark.parametrize("candidate", [DEFAULT, FULL_LANDMARK, SMALL_CHUNKS])
def test_the_estimate_is_near_what_is_written(candidate, at_hand):
    estimated = run_batch(Batch(at_hand, at_hand.tuned, (candidate,)))
    check = against_conversion(at_hand, candidate, estimated)
    assert abs(check.image_error) < 0.01  # the bounds the issue sets
    assert abs(check.worst_ready_error) < 0.02


def test_errors_are_of_estimated_over_real(at_hand):
    (start,) = run_batch(Batch(at_hand, at_hand.tuned, (DEFAULT,)))
    check = against_conversion(at_hand, DEFAULT, (start,))
    twice = replace(check, estimated=(replace(start, total_s=2 * check.real[0].total_s, image_bytes=0),))
    assert twice.worst_ready_error == pytest.approx(1.0)
    assert twice.image_error == -1.0


def test_what_was_written_is_scored_against_the_default_of_the_same_writer(at_hand):
    (start,) = run_batch(Batch(at_hand, at_hand.tuned, (DEFAULT,)))

    def recheck(candidate, made_by, total_s):
        real = replace(start, candidate=candidate, total_s=total_s)
        return Recheck(candidate=candidate, made_by=made_by, estimated=(start,), real=(real,))

    rechecks = [
        recheck(DEFAULT, WRITTEN_HERE, 4.0),
        recheck(FULL_LANDMARK, WRITTEN_HERE, 3.0),
        recheck(DEFAULT, "another", 2.0),
        recheck(FULL_LANDMARK, "another", 1.0),
    ]
    assert real_scores(rechecks, WRITTEN_HERE)[FULL_LANDMARK].relative == 0.75
    assert real_scores(rechecks, "another")[FULL_LANDMARK].relative == 0.5
    assert real_scores(rechecks[1:2], WRITTEN_HERE) == {}


def test_the_best_images_and_the_baselines_are_rechecked_where_layers_are_at_hand(at_hand, subject):
    checked = tune(at_hand, Serial(), trials=3)
    assert {check.candidate for check in checked.rechecks} >= {checked.winner.candidate, FULL_LANDMARK, DEFAULT}
    assert tune(at_hand, Serial(), trials=3, recheck=False).rechecks == ()
    assert tune(subject, Serial(), trials=3).rechecks == ()


def test_the_soonest_on_written_layers_wins_whatever_was_estimated(at_hand, monkeypatch):
    """On what is written the estimate's first is made late, and the default the soonest."""
    first = tune(at_hand, Serial(), trials=8, recheck=False).chosen
    assert first != DEFAULT

    def conversion(_subject, candidate, estimated):
        total_s = 1.0 if candidate == DEFAULT else 2.0
        real = tuple(replace(start, total_s=total_s) for start in estimated)
        return Recheck(candidate=candidate, made_by=WRITTEN_HERE, estimated=estimated, real=real)

    monkeypatch.setattr(tuning, "against_conversion", conversion)
    found = tune(at_hand, Serial(), trials=8)
    assert found.shown[0].candidate == first
    assert found.chosen == found.winner.candidate == DEFAULT
    assert document(found)["winner"] == settings(DEFAULT)


def test_the_written_image_is_whole_and_has_the_files_before_its_landmark(at_hand, image, tmp_path):
    written = write_image(at_hand, SMALL_CHUNKS, image, f"oci:{tmp_path}/out")
    with open_layers(f"oci:{tmp_path}/out") as layers:
        checked = verify_image(layers)
        assert (checked.digest, checked.faults) == (written.digest, ())
        assert all(layer.faults == () for layer in checked.layers)
    with Image(open_layers(f"oci:{tmp_path}/out")) as opened:
        layout = opened.layout
        assert opened.tree.content_id == at_hand.tree.content_id
    blobs, entries = layout.blobs.to_pylist(), layout.entries.to_pylist()
    offset = {
        entries[row["entry"]]["path"]: layout.units["offset"][row["unit"]].as_py() for row in layout.extents.to_pylist()
    }
    before = [path for path in offset if path.startswith("usr/share") and offset[path] < blobs[0]["landmark_offset"]]
    assert sorted(before, key=offset.get) == READ
    assert offset[LARGE] < blobs[1]["landmark_offset"]
    manifest = json.loads((tmp_path / "out/blobs/sha256" / written.digest.removeprefix("sha256:")).read_bytes())
    real = against_conversion(at_hand, SMALL_CHUNKS, ()).real[0].image_bytes
    assert sum(layer["size"] for layer in manifest["layers"]) == real


def test_an_image_of_other_files_is_not_written(at_hand, image, tmp_path):
    other = replace(at_hand, tree=replace(at_hand.tree, files=at_hand.tree.files.slice(1)))
    with pytest.raises(ContentMismatch, match="not the same files"):
        write_image(other, DEFAULT, image, f"oci:{tmp_path}/out")
    assert not (tmp_path / "out").exists()


def test_an_image_of_a_registry_or_folder_is_measured(image, at_hand, tmp_path, request):
    trace = at_hand.layers[0].parent / "tuned.trace"
    known = {"networks": at_hand.networks, "host": at_hand.host, "scratch": tmp_path}
    found = subject_of_image(image, [trace], [], **known)
    assert found.tree.content_id == at_hand.tree.content_id
    assert run_batch(Batch(found, found.tuned, (SMALL_CHUNKS,))) == run_batch(
        Batch(at_hand, at_hand.tuned, (SMALL_CHUNKS,))
    )
    with pytest.raises(BadInput, match="needs a recording"):
        subject_of_image(image, [], [], **known)


def test_an_image_that_is_not_built_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("LAZYPULL_CACHE", str(tmp_path))
    with pytest.raises(BadInput, match="run `lazypull catalog build mini`"):
        source_of_workload("mini")

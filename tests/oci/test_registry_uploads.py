"""Uploads that break, are lost or are interrupted: they go on, and no manifest shows what is not there."""

import pytest

from sim.core.errors import RunFailed
from sim.oci import create_image
from sim.testing.image_source import descriptor, refused, written
from sim.testing.sample_image import digest_of
from tests.oci.fake_image import ACCESS, IMAGE, LAYER
from tests.oci.fake_registry import broken_upload, reset, status


def put_layer(sink, folder):
    sink.put_blob(descriptor(IMAGE.layer_type, LAYER), written(folder, LAYER))


def push(fake, folder):
    with create_image(f"{fake.host}/a:v1", access=ACCESS) as sink:
        put_layer(sink, folder)
        sink.put_document(IMAGE.config_type, IMAGE.config)
        sink.finish(sink.put_document(IMAGE.manifest_type, IMAGE.manifest))


@pytest.mark.parametrize("kept", [0, 1, 100_000])
def test_an_upload_goes_on_where_the_registry_says(fake, tmp_path, kept):
    fake.faults["PATCH upload"] = [broken_upload(kept)]
    push(fake, tmp_path)
    assert fake.blobs[digest_of(LAYER)] == LAYER
    ranges = [headers["Content-Range"] for headers in fake.asked("PATCH", "upload")]
    assert ranges[0] == f"0-{len(LAYER) - 1}"
    begun = len(fake.asked("POST", "upload"))  # layer and config, at least
    if kept == 1:  # 0-0 is said of one byte and of none; the wrong guess costs a fresh upload
        assert begun == 3
    else:
        assert ranges[1] == f"{kept}-{len(LAYER) - 1}"
        assert begun == 2
    assert fake.uploads == {}


def test_an_upload_that_the_registry_lost_begins_anew(fake, tmp_path):
    def lose(handler):
        handler.body()
        handler.registry.uploads.clear()
        handler.answer(404)

    fake.faults["PATCH upload"] = [lose]
    push(fake, tmp_path)
    assert fake.manifests["v1"][1] == IMAGE.manifest


def test_an_upload_whose_last_answer_was_lost_is_done(fake, tmp_path):
    def done_but_silent(handler):
        handler.registry.blobs[digest_of(LAYER)] = handler.registry.uploads.pop(handler.what.rpartition("/")[2])
        reset(handler)

    fake.faults["PUT upload"] = [done_but_silent]
    push(fake, tmp_path)
    assert len(fake.asked("POST", "upload")) == 2


@pytest.mark.parametrize("stage", ["POST upload", "PATCH upload", "PUT upload", "HEAD blob", "PUT manifest"])
def test_a_push_that_fails_shows_no_manifest(fake, tmp_path, stage):
    fake.faults[stage] = [status(503)] * 50
    refused(lambda: push(fake, tmp_path), RunFailed)
    assert fake.manifests == {}


def test_a_push_that_is_interrupted_shows_no_manifest_and_no_upload(fake, tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    fake.faults["PATCH upload"] = [status(503)]
    monkeypatch.setattr("sim.oci.retry.time.sleep", interrupted)
    with pytest.raises(KeyboardInterrupt):
        push(fake, tmp_path)
    assert fake.manifests == {}
    assert fake.uploads == {}


def test_a_blob_that_is_there_is_not_sent(fake, tmp_path):
    fake.add(LAYER)
    push(fake, tmp_path)
    assert len(fake.asked("POST", "upload")) == 1  # the config

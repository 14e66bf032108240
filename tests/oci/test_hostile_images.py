"""Folders and archives that mean harm, or were cut: one clear line, in bounded memory and time."""

import gzip
import io
import struct
import tarfile
import tracemalloc
from contextlib import suppress

import pytest

from sim.core.errors import BadInput
from sim.oci import open_image
from sim.oci.documents import parse_index
from sim.oci.opened import LOOKS_MAX
from sim.testing.image_source import refused, root_of
from sim.testing.sample_image import OCI_INDEX_TYPE, describe, digest_of, encode, sample_image, tar_folder, write_layout

IMAGE = sample_image(sizes=(3000,))
BLOCK = 512


@pytest.fixture
def archive(tmp_path):
    write_layout(tmp_path / "folder", IMAGE.documents_and_blobs, [root_of(IMAGE)])
    tar_folder(tmp_path / "folder", tmp_path / "image.tar")
    return tmp_path / "image.tar"


def opens(file):
    with open_image(f"oci-archive:{file}") as opened, opened.blob(opened.layers[0]) as blob:
        blob.read_at(0, blob.size)
        opened.document(opened.config)


def error_of(use):
    """The one line a use is refused with; None if it is not."""
    with suppress(BadInput):
        use()
        return None
    return str(refused(use, BadInput))


def test_an_archive_cut_anywhere_is_refused_or_has_lost_nothing(archive):
    whole = archive.read_bytes()
    with tarfile.open(archive) as members:
        needed = [member for member in members if member.isreg() and not member.name.endswith("oci-layout")]
    end = max(member.offset_data + member.size for member in needed)
    for size in range(0, len(whole), 331):
        archive.write_bytes(whole[:size])
        error = error_of(lambda: opens(archive))
        assert error is not None or size >= end
        assert error is None or archive.name in error


def test_a_flipped_byte_is_noticed_or_does_not_matter(archive, tmp_path):
    def reads():
        with open_image(f"oci-archive:{archive}") as opened:
            assert opened.document(opened.manifest) == IMAGE.manifest
            assert opened.document(opened.config) == IMAGE.config
            opened.fetch(opened.layers[0], tmp_path / "fetched")
        assert (tmp_path / "fetched").read_bytes() == IMAGE.layers[0]

    whole = bytearray(archive.read_bytes())
    errors = []
    for place in range(0, len(whole), 97):
        whole[place] ^= 0x20
        archive.write_bytes(whole)
        whole[place] ^= 0x20
        errors.append(error_of(reads))
    assert sum(error is not None for error in errors) > len(errors) // 4  # most of the rest is padding and tar's own


@pytest.mark.parametrize("data", [b"", b"x", b"\0" * 10240, b"GIF89a" * 1000, bytes(range(256)) * 40])
def test_what_is_no_tar_is_refused(tmp_path, data):
    (tmp_path / "image.tar").write_bytes(data)
    refused(lambda: opens(tmp_path / "image.tar"), BadInput)
    refused(lambda: open_image(str(tmp_path / "image.tar")), BadInput)


def test_a_compressed_archive_says_what_to_do(archive):
    archive.write_bytes(gzip.compress(archive.read_bytes()))
    assert "gzip -d" in str(refused(lambda: opens(archive), BadInput))


@pytest.mark.parametrize("kind", [tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE, tarfile.XGLTYPE])
def test_a_header_of_terabytes_takes_no_memory(tmp_path, kind):
    head = tarfile.TarInfo("././@LongLink")
    head.type, head.size = kind, 1 << 42
    (tmp_path / "image.tar").write_bytes(head.tobuf(tarfile.GNU_FORMAT) + bytes(10 * BLOCK))
    tracemalloc.start()
    try:
        refused(lambda: opens(tmp_path / "image.tar"), BadInput)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 << 20


def test_a_member_that_claims_terabytes_is_refused(tmp_path):
    head = tarfile.TarInfo("index.json")
    head.size = 1 << 42
    (tmp_path / "image.tar").write_bytes(head.tobuf(tarfile.GNU_FORMAT) + bytes(10 * BLOCK))
    refused(lambda: opens(tmp_path / "image.tar"), BadInput)


def test_too_many_members_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("sim.oci.tarindex.MEMBERS_MAX", 1000)
    one = tarfile.TarInfo("a").tobuf()
    (tmp_path / "image.tar").write_bytes(one * 1001 + bytes(2 * BLOCK))
    assert "1000 members" in str(refused(lambda: opens(tmp_path / "image.tar"), BadInput))


def test_a_giant_index_in_an_archive_is_not_read(tmp_path):
    head = tarfile.TarInfo("index.json")
    head.size = 5 << 20
    (tmp_path / "image.tar").write_bytes(head.tobuf() + bytes(head.size) + bytes(2 * BLOCK))
    assert "4194304" in str(refused(lambda: opens(tmp_path / "image.tar"), BadInput))


@pytest.mark.parametrize("target", ["index.json", "/etc/passwd", "../../etc/passwd", "b"])
def test_a_link_leads_nowhere_outside_and_not_in_circles(tmp_path, target):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as made:
        for name, to in (("index.json", target), ("b", "index.json")):
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, to
            made.addfile(link)
    (tmp_path / "image.tar").write_bytes(buffer.getvalue())
    refused(lambda: opens(tmp_path / "image.tar"), BadInput)


@pytest.mark.parametrize(
    "digest", ["sha256:../../../etc/passwd", "sha256:", "/etc/passwd", "md5:" + "0" * 32, "sha256:" + "G" * 64]
)
def test_a_digest_that_is_a_path_is_refused(tmp_path, digest):
    write_layout(tmp_path / "image", IMAGE.documents_and_blobs, [root_of(IMAGE) | {"digest": digest}])
    assert "digest" in str(refused(lambda: open_image(f"oci:{tmp_path}/image"), BadInput))


def test_a_maze_of_indexes_ends(tmp_path):
    """Each index lists itself-like indexes; found is nothing, and not by looking at all of 50²⁰ places."""
    blobs = [encode({"schemaVersion": 2, "mediaType": OCI_INDEX_TYPE, "manifests": []})]
    for level in range(20):
        entries = [describe(OCI_INDEX_TYPE, blobs[-1], annotations={"n": f"{level}/{n}"}) for n in range(50)]
        blobs.append(encode({"schemaVersion": 2, "mediaType": OCI_INDEX_TYPE, "manifests": entries}))
    write_layout(tmp_path / "image", blobs, [describe(OCI_INDEX_TYPE, blobs[-1])])
    assert str(LOOKS_MAX) in str(refused(lambda: open_image(f"oci:{tmp_path}/image"), BadInput))


def test_a_folder_whose_index_is_a_stream_without_end_is_refused(tmp_path):
    (tmp_path / "image").mkdir()
    (tmp_path / "image" / "index.json").symlink_to("/dev/zero")
    refused(lambda: open_image(f"oci:{tmp_path}/image"), BadInput)


@pytest.mark.parametrize("size", [-1, 1 << 63, 1 << 70, 1.5, "5", None])
def test_sizes_are_whole_numbers_from_nought_up(size):
    raw = encode({"schemaVersion": 2, "manifests": [{"mediaType": "x", "digest": digest_of(b""), "size": size}]})
    refused(lambda: parse_index(raw, media_type=OCI_INDEX_TYPE, where="here"), BadInput)


def test_an_old_docker_archive_whose_lists_disagree_is_refused(tmp_path):
    config = encode({"os": "linux", "rootfs": {"diff_ids": [digest_of(b"a"), digest_of(b"b")]}})
    manifest = encode([{"Config": "c.json", "RepoTags": None, "Layers": ["l.tar"]}])
    with tarfile.open(tmp_path / "image.tar", "w") as made:
        for name, data in (("c.json", config), ("manifest.json", manifest), ("l.tar", b"a")):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            made.addfile(member, io.BytesIO(data))
    error = refused(lambda: open_image(f"docker-archive:{tmp_path}/image.tar"), BadInput)
    assert "1 layers" in str(error)
    assert "lists 2" in str(error)


def test_header_numbers_in_base_256_below_nought_are_refused(tmp_path):
    head = bytearray(tarfile.TarInfo("index.json").tobuf(tarfile.GNU_FORMAT))
    head[124:136] = b"\xff" * 4 + struct.pack(">q", -4096)
    head[148:156] = b" " * 8
    head[148:156] = f"{sum(head):06o}\0 ".encode()
    (tmp_path / "image.tar").write_bytes(bytes(head) * 50 + bytes(2 * BLOCK))
    refused(lambda: opens(tmp_path / "image.tar"), BadInput)

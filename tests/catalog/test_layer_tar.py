"""Layers from what overlayfs leaves, and back; GNU tar, gzip and the kernel's overlay are the judges."""

import gzip
import hashlib
import io
import os
import stat
import subprocess
import tarfile
from pathlib import Path

import pytest

from sim.core.errors import BadBlob
from sim.oci.diff import OPAQUE_ATTRIBUTE, write_layer
from sim.oci.folder import ImageConfig, ImageLayer, write_image
from sim.oci.unpack import unpack_layer

NEWEST = 1_000_000_000
need_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: device nodes and overlay attributes")


@pytest.fixture
def upper(tmp_path: Path) -> Path:
    root = tmp_path / "upper"
    (root / "etc").mkdir(parents=True)
    (root / "etc/one").write_bytes(b"1" * 5000)
    os.link(root / "etc/one", root / "etc/two")
    (root / "link").symlink_to("etc/one")
    (root / "etc").chmod(0o1750)
    return root


def test_the_blob_is_what_tar_and_gzip_say_it_is(upper: Path, tmp_path: Path) -> None:
    blob = tmp_path / "layer.tar.gz"
    facts = write_layer(upper, blob, newest_s=NEWEST)
    raw = gzip.decompress(blob.read_bytes())
    assert facts.size == blob.stat().st_size
    assert facts.raw_size == len(raw)
    assert facts.digest == f"sha256:{hashlib.sha256(blob.read_bytes()).hexdigest()}"
    assert facts.diff_id == f"sha256:{hashlib.sha256(raw).hexdigest()}"
    listed = subprocess.run(["tar", "-tzf", str(blob)], capture_output=True, text=True, check=True).stdout
    assert listed.split() == ["etc/", "etc/one", "etc/two", "link"]
    with tarfile.open(blob) as archive:
        assert archive.getmember("etc/two").linkname == "etc/one"
        assert archive.getmember("etc").mode == 0o1750
        assert {member.mtime for member in archive} == {NEWEST}


def test_the_same_files_give_the_same_bytes(upper: Path, tmp_path: Path) -> None:
    first = write_layer(upper, tmp_path / "a", newest_s=NEWEST)
    for path in upper.rglob("*"):
        os.utime(path, (NEWEST + 5, NEWEST + 5), follow_symlinks=False)
    assert write_layer(upper, tmp_path / "b", newest_s=NEWEST) == first


@pytest.mark.root
@need_root
def test_removals_survive_the_way_through_the_tar_and_the_kernel_honours_them(tmp_path: Path) -> None:
    lower, upper, merged = (tmp_path / name for name in ("lower", "upper", "merged"))
    for folder in (lower / "kept", lower / "emptied", upper / "emptied", merged):
        folder.mkdir(parents=True)
    for name in ("gone", "kept/file", "emptied/old"):
        (lower / name).write_text(name)
    os.mknod(upper / "gone", stat.S_IFCHR, os.makedev(0, 0))
    os.setxattr(upper / "emptied", OPAQUE_ATTRIBUTE, b"y")
    (upper / "emptied/new").write_text("new")
    write_layer(upper, tmp_path / "blob", newest_s=NEWEST)
    with tarfile.open(tmp_path / "blob") as archive:
        assert {".wh.gone", "emptied/.wh..wh..opq"} <= set(archive.getnames())
    unpack_layer(tmp_path / "blob", tmp_path / "unpacked")
    options = f"lowerdir={tmp_path / 'unpacked'}:{lower}"
    subprocess.run(["mount", "-t", "overlay", "-o", options, "overlay", str(merged)], check=True)
    try:
        seen = sorted(str(path.relative_to(merged)) for path in merged.rglob("*"))
    finally:
        subprocess.run(["umount", str(merged)], check=True)
    assert seen == ["emptied", "emptied/new", "kept", "kept/file"]


@pytest.mark.root
@need_root
def test_unpacking_gives_the_files_back(upper: Path, tmp_path: Path) -> None:
    os.chown(upper / "etc/one", 12, 34)
    (upper / "etc/one").chmod(0o4711)
    write_layer(upper, tmp_path / "blob", newest_s=NEWEST)
    unpack_layer(tmp_path / "blob", tmp_path / "out")
    status = (tmp_path / "out/etc/two").stat()
    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (12, 34, 0o4711)
    assert status.st_ino == (tmp_path / "out/etc/one").stat().st_ino
    assert (tmp_path / "out/etc").stat().st_mtime == NEWEST


@pytest.mark.parametrize("name", ["../out", "/etc/passwd", "a/../../b"])
def test_names_that_leave_the_folder_are_refused(tmp_path: Path, name: str) -> None:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:gz") as archive:
        archive.addfile(tarfile.TarInfo(name))
    (tmp_path / "blob").write_bytes(raw.getvalue())
    with pytest.raises(BadBlob, match="leaves the layer"):
        unpack_layer(tmp_path / "blob", tmp_path / "out" / "inner")


def test_a_damaged_layer_is_refused_in_one_line(upper: Path, tmp_path: Path) -> None:
    blob = tmp_path / "layer.tar.gz"
    write_layer(upper, blob, newest_s=NEWEST)
    blob.write_bytes(blob.read_bytes()[:40])
    with pytest.raises(BadBlob, match="cannot unpack"):
        unpack_layer(blob, tmp_path / "out")


def test_an_oci_folder_names_every_blob_by_its_digest(upper: Path, tmp_path: Path) -> None:
    facts = write_layer(upper, tmp_path / "layer", newest_s=NEWEST)
    config = ImageConfig(command=["/bin/true"], env={"A": "b"}, cwd="/")
    digest = write_image(tmp_path / "oci", "tiny", [ImageLayer(facts, tmp_path / "layer", {})], config)
    blobs = tmp_path / "oci/blobs/sha256"
    assert {f"sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}" for file in blobs.iterdir()} == {
        f"sha256:{file.name}" for file in blobs.iterdir()
    }
    assert {digest, facts.digest} <= {f"sha256:{file.name}" for file in blobs.iterdir()}

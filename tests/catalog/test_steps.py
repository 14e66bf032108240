"""Steps of a layer that need no package source; the folder guard against things still mounted."""

import os
import stat
import subprocess
from pathlib import Path

import pytest

from sim.catalog.cache import delete_folder
from sim.catalog.chroot import call, merged_root
from sim.catalog.recipe import Copy
from sim.catalog.steps import copy_in, install_wheels, remove
from sim.core.errors import RunFailed

need_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: mounts")


def test_a_file_is_copied_with_its_mode(tmp_path: Path) -> None:
    (tmp_path / "run.sh").write_text("true")
    copy_in(Copy("run.sh", "/usr/local/bin/run", "0755"), tmp_path / "root", tmp_path)
    target = tmp_path / "root/usr/local/bin/run"
    assert target.read_text() == "true"
    assert stat.S_IMODE(target.stat().st_mode) == 0o755


def test_matches_within_matches_are_removed_once(tmp_path: Path) -> None:
    (tmp_path / "a/tests/b/tests").mkdir(parents=True)
    (tmp_path / "a/kept").touch()
    (tmp_path / "a/tests.link").symlink_to("kept")
    remove(("a/**/tests", "a/*.link", "nothing/*"), tmp_path)
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["kept"]


def test_wheels_need_a_python_in_the_image(tmp_path: Path) -> None:
    with pytest.raises(RunFailed, match="no Python"):
        install_wheels(["six"], tmp_path, epoch_s=0)


def test_a_failed_command_tells_its_end_in_one_line() -> None:
    with pytest.raises(RunFailed) as caught:
        call(["/bin/sh", "-c", "echo first; echo last >&2; exit 3"])
    assert "exit status 3: first last" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.root
@need_root
def test_a_folder_with_something_mounted_in_it_is_not_deleted(tmp_path: Path) -> None:
    inner = tmp_path / "work/inner"
    inner.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(inner)], check=True)
    try:
        (inner / "precious").touch()
        with pytest.raises(RunFailed, match="still mounted"):
            delete_folder(tmp_path / "work")
        assert (inner / "precious").exists()
    finally:
        subprocess.run(["umount", str(inner)], check=True)
    delete_folder(tmp_path / "work")
    assert not (tmp_path / "work").exists()


@pytest.mark.root
@need_root
def test_what_a_build_does_lands_in_the_upper_and_its_mounts_do_not(tmp_path: Path) -> None:
    lower, work = tmp_path / "lower", tmp_path / "work"
    for folder in (lower / "proc", lower / "dev", lower / "etc", work):
        folder.mkdir(parents=True)
    (lower / "etc/old").touch()
    with merged_root([lower], work) as root:
        assert (root / "proc/self").exists()
        assert stat.S_ISCHR((root / "dev/null").stat().st_mode)
        (root / "etc/new").touch()
        (root / "etc/old").unlink()
    left = {str(path.relative_to(work / "upper")) for path in (work / "upper").rglob("*")}
    assert left == {"etc", "etc/new", "etc/old"}
    assert stat.S_ISCHR((work / "upper/etc/old").stat().st_mode)  # overlayfs's whiteout
    assert str(work) not in Path("/proc/self/mountinfo").read_text()

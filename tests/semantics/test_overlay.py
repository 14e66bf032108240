"""The overlay state machine held against the kernel's overlayfs: the same random operations on both."""

import errno
import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.semantics.overlay import CopyUp, Overlay

NAMES = ("a", "b")
PATHS = [*NAMES, *(f"{top}/{name}" for top in NAMES for name in NAMES)]


def mount_overlay(root: Path) -> bool:
    options = f"lowerdir={root}/1:{root}/0,upperdir={root}/upper,workdir={root}/work"
    command = ["mount", "-t", "overlay", "overlay", "-o", options, str(root / "merged")]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def put(root: Path, rows: list[tuple[str, str, int]]) -> None:
    for path, kind, size in rows:
        target = root / path
        target.parent.mkdir(exist_ok=True)
        if kind == "dir":
            target.mkdir(exist_ok=True)
        elif kind == "whiteout":
            os.mknod(target, 0o020000, 0)
        elif kind == "opaque":
            target.mkdir(exist_ok=True)
            os.setxattr(target, "trusted.overlay.opaque", b"y")
        else:
            target.write_bytes(bytes(size))


@st.composite
def layers(draw):
    """Rows that a file system can hold: a path's parent is a directory."""
    rows = []
    for top in NAMES:
        kind = draw(st.sampled_from(["none", "reg", "dir", "whiteout", "opaque"]))
        if kind == "none":
            continue
        rows.append((top, kind, 3 if kind == "reg" else 0))
        if kind == "opaque":
            rows.append((top, "dir", 0))
        if kind in ("dir", "opaque"):
            for name in NAMES:
                inner = draw(st.sampled_from(["none", "reg", "whiteout", "dir"]))
                if inner != "none":
                    rows.append((f"{top}/{name}", inner, 5 if inner == "reg" else 0))
    return rows


operations = st.lists(
    st.tuples(
        st.sampled_from(["write", "truncate", "chmod", "create", "mkdir", "remove", "rename"]),
        st.sampled_from(PATHS),
        st.sampled_from(PATHS),
    ),
    max_size=6,
)


def do_for_real(root: Path, kind: str, path: str, target: str) -> str | None:
    try:
        match kind:
            case "write":
                os.close(os.open(root / path, os.O_WRONLY))
            case "truncate":
                os.close(os.open(root / path, os.O_WRONLY | os.O_TRUNC))
            case "chmod":
                os.chmod(root / path, 0o700)
            case "create":
                os.close(os.open(root / path, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
            case "mkdir":
                os.mkdir(root / path)
            case "remove":
                (os.rmdir if (root / path).is_dir() else os.unlink)(root / path)
            case "rename":
                os.rename(root / path, root / target)
    except OSError as error:
        return errno.errorcode[error.errno]
    return None


def do_in_model(overlay: Overlay, kind: str, path: str, target: str) -> object:
    match kind:
        case "write":
            return overlay.open_for_writing(path)
        case "truncate":
            return overlay.open_for_writing(path, truncate=True)
        case "chmod":
            return overlay.change_attributes(path)
        case "create":
            return overlay.create(path)
        case "mkdir":
            return overlay.create(path, "dir")
        case "remove":
            return overlay.remove(path)
    return overlay.rename(path, target)


def shown(root: Path) -> dict[str, tuple[str, int]]:
    found = {}
    for path in PATHS:
        try:
            status = os.lstat(root / path)
        except OSError:
            continue
        found[path] = ("dir", 0) if (root / path).is_dir() else ("reg", status.st_size)
    return found


def modelled(overlay: Overlay) -> dict[str, tuple[str, int]]:
    found = {path: overlay.lookup(path) for path in PATHS}
    return {path: (where.kind, where.size) for path, where in found.items() if where is not None}


@pytest.mark.root
@settings(max_examples=80, deadline=None)
@given(lower=layers(), middle=layers(), work=operations)
def test_the_kernel_agrees(tmp_path_factory, lower, middle, work):
    root = tmp_path_factory.mktemp("overlay")
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(root)], check=True)  # overlay wants trusted xattrs
    try:
        for name in ("0", "1", "upper", "work", "merged"):
            (root / name).mkdir()
        put(root / "0", lower)
        put(root / "1", middle)
        if not mount_overlay(root):
            pytest.skip("NOT RUN: this kernel refuses to mount overlayfs")
        overlay = Overlay([lower, middle])
        assert modelled(overlay) == shown(root / "merged")
        for kind, path, target in work:
            if kind == "rename" and (path == target or target.startswith(f"{path}/") or path.startswith(f"{target}/")):
                continue
            expected = do_for_real(root / "merged", kind, path, target)
            got = do_in_model(overlay, kind, path, target)
            assert (got if isinstance(got, str) else None) == expected, (kind, path, target)
            assert modelled(overlay) == shown(root / "merged"), (kind, path, target)
    finally:
        subprocess.run(["umount", str(root / "merged")], check=False, capture_output=True)
        subprocess.run(["umount", str(root)], check=True)


def test_the_first_open_for_writing_reads_the_whole_file():
    overlay = Overlay([[("data", "dir", 0), ("data/table", "reg", 300_000)]])
    copied = overlay.open_for_writing("data/table")
    assert copied == CopyUp(0, "data/table", 300_000)
    assert copied.reads() == [(0, 131_072), (131_072, 131_072), (262_144, 37_856)]
    assert overlay.open_for_writing("data/table") is None  # it is in the upper now


def test_truncating_copies_no_data():
    overlay = Overlay([[("log", "reg", 1_000_000)]])
    assert overlay.open_for_writing("log", truncate=True).reads() == []


def test_a_directory_from_a_lower_layer_cannot_be_renamed():
    overlay = Overlay([[("d", "dir", 0)]])
    assert overlay.rename("d", "e") == "EXDEV"

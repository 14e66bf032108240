"""A file is whole or as it was."""

from pathlib import Path

import pytest

from sim.core.files import write_file


def test_a_write_that_fails_leaves_the_older_file(tmp_path, monkeypatch):
    page = tmp_path / "index.html"
    page.write_text("older")

    def full(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr(Path, "rename", full)
    with pytest.raises(OSError, match="No space"):
        write_file(page, b"newer")
    monkeypatch.undo()
    assert page.read_text() == "older"
    assert [file.name for file in tmp_path.iterdir()] == ["index.html"]


def test_folders_are_made_and_everybody_may_read(tmp_path):
    written = write_file(tmp_path / "a" / "b" / "file", b"content")
    assert written.read_bytes() == b"content"
    assert written.stat().st_mode & 0o777 == 0o644

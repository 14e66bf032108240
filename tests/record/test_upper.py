"""What the writable layer takes, and the reads the overlay makes on its own account."""

import pytest

from sim.core.trace import UPPER_LAYER
from tests.record.rootfs import PYTHON_ENV, paths, python_command, record, recording, shell, with_python

pytestmark = pytest.mark.root


def test_reads_of_a_copy_up_are_told_from_ordinary_ones(lowers):
    script = """
    echo more >> /data/f00      # opened for writing: copied up
    mv /data/f01 /data/moved    # renamed: copied up
    cat /data/f02 > /dev/null   # read only
    > /data/f03                 # truncated: nothing to copy
    """
    trace = shell(lowers, script)
    assert sorted(set(paths(trace, kind="read", copy_up=True))) == ["data/f00", "data/f01"]
    assert "data/f02" in paths(trace, kind="read", copy_up=False)
    assert "data/f03" not in paths(trace, kind="read")


def test_a_file_read_before_its_copy_up_is_not_read_again(lowers):
    trace = shell(lowers, "cat /data/f00 > /dev/null; echo more >> /data/f00")
    assert "data/f00" not in paths(trace, kind="read", copy_up=True)  # its pages were there
    assert "data/f00" in paths(trace, kind="read", copy_up=False)
    assert "data/f00" in paths(trace, kind="create", layer=UPPER_LAYER)


def test_reading_with_extended_attributes_and_creating_elsewhere_is_no_copy_up(lowers):
    script = """if True:
        import os
        with open("/data/f00", "rb") as file:
            file.read()
        os.listxattr("/data/f00")
        with open("/data/copy", "w") as file:
            file.write("x")
    """
    trace = record(recording(with_python(lowers), python_command(script), env=PYTHON_ENV))
    assert paths(trace, kind="read", copy_up=True) == []


def test_changes_are_noted_in_the_upper_layer(lowers):
    script = """
    mkdir /new; echo a > /new/file; sleep 0.05
    echo b >> /new/file; sleep 0.05
    mv /new/file /new/other; sleep 0.05; rm /new/other; rm /data/f05
    """
    trace = shell(lowers, script)
    rows = [row for row in trace.operations.to_pylist() if row["layer"] == UPPER_LAYER]
    told = [(row["kind"], row["path"]) for row in rows if row["path"].startswith("new")]
    assert told == [
        ("mkdir", "new"),
        ("create", "new/file"),
        ("write", "new/file"),
        ("write", "new/file"),
        ("rename", "new/other"),
        ("unlink", "new/other"),
    ]
    assert ("unlink", "data/f05") in [(row["kind"], row["path"]) for row in rows]
    assert {trace.threads.to_pylist()[row["thread"]]["program"] for row in rows if row["kind"] == "mkdir"} >= {"mkdir"}

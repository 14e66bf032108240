"""What crosses the boundary below the overlay, held against the kernel's overlayfs and known file sizes."""

import pytest

from sim.record import record
from tests.record.rootfs import FILE_SIZE, PYTHON_ENV, paths, python_command, recording, shell, with_python

pytestmark = pytest.mark.root


@pytest.fixture(scope="module")
def looked_around(lowers):
    script = """
    ls /opaque; ls /data/gone 2>/dev/null && echo lazypull-mark seen
    cat /data/below > /dev/null
    cat /data/f00 /data/f01 /data/f00 > /dev/null
    """
    return shell(lowers, script)


def test_every_read_has_path_layer_offset_and_length(looked_around):
    rows = [row for row in looked_around.operations.to_pylist() if row["path"] == "data/f00" and row["kind"] == "read"]
    # The second cat reads the page cache: kept over close, as the daemon asks (FOPEN_KEEP_CACHE). 20,000 bytes
    # are five pages, asked for in one request.
    assert [(row["layer"], row["offset"], row["length"]) for row in rows] == [(1, 0, 20_480)]
    assert FILE_SIZE <= 20_480


def test_layers_are_numbered_from_the_lowest(looked_around):
    assert "data/below" in paths(looked_around, kind="read", layer=0)
    assert "data/below" not in paths(looked_around, kind="read", layer=1)


def test_a_whiteout_hides_the_file_and_an_opaque_folder_its_lower_one(looked_around):
    assert "seen" not in looked_around.marks.column("name").to_pylist()
    assert "data/gone" in paths(looked_around, kind="lookup", layer=1)
    assert "data/gone" not in paths(looked_around, kind="lookup", layer=0)
    assert "opaque" in paths(looked_around, kind="readdir", layer=1)
    assert "opaque" not in paths(looked_around, kind="readdir", layer=0)


def test_operations_belong_to_the_thread_that_asked(looked_around):
    threads = looked_around.threads.to_pylist()
    readers = {
        threads[row["thread"]]["program"]
        for row in looked_around.operations.to_pylist()
        if row["kind"] == "read" and row["path"].startswith("data/")
    }
    assert readers == {"cat"}
    cats = [thread for thread in threads if thread["program"] == "cat"]
    assert len(cats) == 2
    assert {threads[cat["parent"]]["program"] for cat in cats} == {"sh"}


def test_large_reads_are_split_as_the_daemon_lets_the_kernel(lowers, tmp_path):
    (tmp_path / "large").write_bytes(bytes(1 << 20))
    trace = shell([tmp_path, *lowers], "cat /large > /dev/null")
    reads = [row for row in trace.operations.to_pylist() if row["path"] == "large" and row["kind"] == "read"]
    assert max(row["length"] for row in reads) == 131_072  # max_read
    assert sorted({row["offset"] for row in reads}) == [
        row["offset"] for row in sorted(reads, key=lambda r: r["offset"])
    ]
    assert sum(row["length"] for row in reads) == 1 << 20


def test_the_read_delay_is_in_every_read_and_parallel_reads_wait_together(lowers):
    trace = shell(lowers, "cat /data/f0[0-7] & cat /data/f1[0-7] & wait", read_delay_s=0.05)
    reads = [row for row in trace.operations.to_pylist() if row["kind"] == "read"]
    assert min(row["end_ns"] - row["start_ns"] for row in reads) >= 50_000_000
    one = [row for row in reads if row["path"].startswith("data/f0")]
    other = [row for row in reads if row["path"].startswith("data/f1")]
    assert len(one) == len(other) == 8
    assert any(a["start_ns"] < b["end_ns"] and b["start_ns"] < a["end_ns"] for a in one for b in other)


def test_the_clock_starts_with_the_command_and_rows_are_in_order(looked_around):
    rows = looked_around.operations.to_pylist()
    assert rows[0]["path"] == "bin"  # the first thing the kernel does for execve("/bin/sh") is walk to it
    assert all(row["start_ns"] >= 0 and row["end_ns"] >= row["start_ns"] for row in rows)
    assert [row["start_ns"] for row in rows] == sorted(row["start_ns"] for row in rows)
    assert rows[-1]["start_ns"] <= looked_around.ready_ns


def test_the_header_says_how_it_was_recorded(lowers, looked_around):
    header = looked_around.header
    assert header.whole
    assert (header.workload, header.content_id, header.readiness) == ("test", "sha256:test", "exit")
    assert header.read_delay_s == recording(lowers, ["x"]).read_delay_s
    assert header.page_cache == "warm"


def test_births_and_ends_of_processes_are_those_of_the_kernel(looked_around):
    first, second = [thread for thread in looked_around.threads.to_pylist() if thread["program"] == "cat"]
    if first["end_ns"] is None:
        pytest.skip("the kernel's process connector is not to be had here: not the first process namespace")
    # the shell waits for each command before it starts the next
    assert first["birth_ns"] < first["end_ns"] <= second["birth_ns"] < second["end_ns"] <= looked_around.ready_ns


def test_threads_of_one_program_share_its_process(lowers):
    script = "import threading; t = threading.Thread(target=open, args=('/data/f00',)); t.start(); t.join()"
    trace = record(recording(with_python(lowers), python_command(script), env=PYTHON_ENV))
    threads = trace.threads.to_pylist()
    [opener] = {
        row["thread"] for row in trace.operations.to_pylist() if row["path"] == "data/f00" and row["kind"] == "open"
    }
    assert threads[opener]["tid"] != threads[opener]["process"]
    assert threads[opener]["process"] == threads[0]["tid"]

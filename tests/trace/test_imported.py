"""Lists of accesses become traces that say what the list did not."""

import pytest

from sim.core.errors import BadInput
from sim.trace.check import check_trace
from sim.trace.imported import Place, read_accesses, trace_of

FILES = {"usr/a": Place(0, 300_000), "usr/b": Place(1, 10)}


def imported(tmp_path, text):
    file = tmp_path / "list.csv"
    file.write_text(text)
    return trace_of(read_accesses(file), find=FILES.get, content_id="sha256:0", workload="w", source="list.csv")


def reads(trace):
    return [(row["path"], row["layer"], row["offset"], row["length"]) for row in trace.operations.to_pylist()]


def test_a_list_of_names_is_whole_files_in_order_and_labelled(tmp_path):
    trace = imported(tmp_path, "path\n/usr/b\n/usr/a\n")
    # 300,000 bytes: two reads of 131,072 and the rest, 37,856, in whole pages of 4,096: 40,960
    whole = [("usr/a", 0, 0, 131_072), ("usr/a", 0, 131_072, 131_072), ("usr/a", 0, 262_144, 40_960)]
    assert reads(trace) == [("usr/b", 1, 0, 4096), *whole]
    assert trace.header.synthetic
    assert trace.header.recorder["order"] == "list"
    assert trace.header.recorder["whole_files"] == 2
    check_trace(trace)


def test_offsets_times_and_threads_are_kept(tmp_path):
    text = "path,offset,length,thread,start_s,end_s\nusr/a,5000,10,7,0.002,0.003\nusr/b,0,100,3,0.001,0.004\n"
    trace = imported(tmp_path, text)
    assert reads(trace) == [("usr/b", 1, 0, 4096), ("usr/a", 0, 4096, 4096)]
    threads = trace.threads.to_pylist()
    assert [threads[row["thread"]]["tid"] for row in trace.operations.to_pylist()] == [3, 7]
    assert trace.ready_ns == 4_000_000
    assert not trace.header.synthetic
    check_trace(trace)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "first line"),
        ("name\nusr/a\n", "first line"),
        ("path\n", "no accesses"),
        ("path,offset\nusr/a,x\n", "line 2"),
        ("path,offset\nusr/a,-1\n", "line 2"),
        ("path,start_s,end_s\nusr/a,2,1\n", "line 2"),
        ("path,start_s,end_s\nusr/a,1,\n", "line 2"),
        ("path\nusr/none\n", "no file of this image"),
    ],
)
def test_a_wrong_list_is_refused_with_its_place(tmp_path, text, words):
    with pytest.raises(BadInput, match=words):
        imported(tmp_path, text)


def test_a_file_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "list.csv").write_bytes(b"path\n\xff\xfe\n")
    with pytest.raises(BadInput, match="CSV"):
        read_accesses(tmp_path / "list.csv")

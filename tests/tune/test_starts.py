"""Starts of candidates: the same as an experiment's, in any executor, with the landmark of what was tuned on."""

import pytest

from sim.core.errors import BadInput, ContentMismatch
from sim.experiment.executors import Processes, Serial
from sim.experiment.single import run
from sim.tune.candidate import DEFAULT, FULL_LANDMARK, Candidate
from sim.tune.evaluator import Evaluator
from sim.tune.gather import subject_of_workload
from sim.tune.starts import priorities
from sim.tune.subject import merged_accesses
from tests.tune.small import LARGE, LARGE_BYTES, READ, SMALL_BYTES, make_catalog, recording

CANDIDATES = [
    DEFAULT,
    FULL_LANDMARK,
    Candidate(chunk_size_bytes=1 << 16),
    Candidate(chunk_size_bytes=1 << 20, share=0.5, order="size", region_size_bytes=200_000, wait_at_most_s=1.0),
]


@pytest.fixture
def mini(tmp_path, monkeypatch):
    """A catalog with the workload `mini`."""
    make_catalog(tmp_path / "catalog")
    monkeypatch.setenv("LAZYPULL_TRACES", str(tmp_path / "catalog"))
    return tmp_path / "catalog" / "mini"


@pytest.fixture
def of_catalog(mini, subject):
    return subject_of_workload("mini", (), (), networks=subject.networks, host=subject.host)


@pytest.mark.parametrize("candidate", CANDIDATES)
def test_a_start_is_the_same_as_an_experiments_run(candidate, of_catalog):
    strategy = {"like": "lazy", "region_size": candidate.region_size_bytes}
    if candidate.wait_at_most_s is not None:
        strategy |= {"like": "prefetch", "prefetch": {"wait_at_most": candidate.wait_at_most_s}}
    layout = {
        "chunk_size": candidate.chunk_size_bytes,
        "min_chunk_size": candidate.min_chunk_size_bytes,
        "landmark": {"share": candidate.share, "order": candidate.order},
    }
    config = {"workload": "mini", "strategy": strategy, "layout": layout, "what_ifs": False}
    wanted = run(config | {"network": {"rate": "100 Mbit/s", "rtt": "20ms"}}).summary
    (found,) = Evaluator(of_catalog, of_catalog.tuned, Serial(), with_bound=True).scores([candidate])
    names = ("total_s", "fetched_bytes", "requests", "image_bytes")
    assert [getattr(found.starts[0], name) for name in names] == [wanted[name] for name in names]
    assert found.starts[0].bound_s == pytest.approx(wanted["clairvoyant_total_s"], rel=0.01)  # its landmark apart


def test_small_chunks_fetch_less_of_a_large_file_that_is_read_in_part(subject):
    # 100 kB in the middle of 3 MB are read. In one chunk, all before it comes too: 0.75 MB compressed, but for a region
    # and a chunk at the seam. What lies behind comes either way: the client asks for 2 MiB from where it starts.
    default, small = Evaluator(subject, subject.tuned, Serial()).scores([DEFAULT, CANDIDATES[2]])
    saved = default.fetched_bytes - small.fetched_bytes
    assert saved == pytest.approx(LARGE_BYTES / 4, abs=65536 + 50_000)


def test_candidates_come_out_the_same_in_other_processes(subject):
    here, there = (Evaluator(subject, subject.tuned, executor) for executor in (Serial(), Processes(2)))
    assert here.scores(CANDIDATES) == there.scores(CANDIDATES)


def test_the_landmark_of_what_was_tuned_on_does_little_for_other_reads(subject):
    tuned, judged = (Evaluator(subject, recorded, Serial()) for recorded in (subject.tuned, subject.judged))
    (on_tuned,), (on_judged,) = tuned.scores([FULL_LANDMARK]), judged.scores([FULL_LANDMARK])
    # both read eleven files, of which the landmark has all or only the large one
    assert on_judged.relative > on_tuned.relative
    wasted = on_judged.fetched_bytes - on_tuned.fetched_bytes
    assert wasted > 10 * SMALL_BYTES / 2 * 0.9


@pytest.mark.parametrize(("share", "wanted"), [(1.0, [READ, [LARGE]]), (0.5, [READ[:6], []]), (0.01, [[], []])])
def test_a_share_is_of_the_eleven_files_first_accessed(subject, share, wanted):
    written = Candidate(share=share).written
    assert priorities(subject, written, merged_accesses(subject.tuned, subject.tree)) == wanted


def test_the_catalog_gives_the_second_recording_to_judge_on(of_catalog, mini, subject):
    assert [one.label for one in of_catalog.tuned] == ["cold-5ms"]
    assert [one.label for one in of_catalog.judged] == ["cold-5ms-b"]
    second = mini / "cold-5ms-b.trace"
    swapped = subject_of_workload("mini", [second], [], networks=subject.networks, host=subject.host)
    assert ([one.label for one in swapped.tuned], swapped.judged) == (["cold-5ms-b"], ())


def test_a_trace_of_other_files_is_refused(mini, subject, tmp_path):
    from sim.core.trace import write_trace

    write_trace(tmp_path / "other.trace", recording("sha256:" + "ab" * 32, READ))
    with pytest.raises(ContentMismatch, match=r"other\.trace: was recorded on content abababababab…"):
        subject_of_workload("mini", [tmp_path / "other.trace"], [], networks=subject.networks, host=subject.host)


def test_unmeasured_blocks_are_named(mini, subject):
    (mini / "blocks" / "header.json").unlink()
    with pytest.raises(BadInput, match=r"catalog build mini --stage blocks"):
        subject_of_workload("mini", [], [], networks=subject.networks, host=subject.host)

"""What a candidate is, against the defaults that the reference tools document."""

import pytest

from sim.core.errors import BadInput
from sim.strategy import preset
from sim.tune.candidate import DEFAULT, FULL_LANDMARK, Candidate
from sim.tune.subject import Recorded, merged_accesses, parse_network
from tests.tune.small import LARGE, READ, READ_OTHERS, recording


def test_the_default_is_what_the_reference_tools_do():
    # stargz-snapshotter: estargz Writer.chunkSize 4 MiB, min chunk size 0; fs/config: [blob] chunk_size 50,000
    assert (DEFAULT.chunk_size_bytes, DEFAULT.min_chunk_size_bytes, DEFAULT.region_size_bytes) == (4194304, 0, 50_000)
    assert DEFAULT.strategy() == preset("lazy")
    assert FULL_LANDMARK.strategy() == preset("prefetch")  # prefetch_timeout_sec 10


def test_settings_that_change_nothing_make_no_candidate_of_their_own():
    assert Candidate(order="size", wait_at_most_s=10.0).plain() == DEFAULT
    assert Candidate(share=0.5, order="size").plain() == Candidate(share=0.5, order="size")


def test_changed_counts_settings():
    assert DEFAULT.changed == 0
    assert Candidate(chunk_size_bytes=65536, region_size_bytes=1, share=1.0).changed == 3


def test_files_of_several_recordings_come_in_order_of_how_early_they_are(subject):
    first, second = (recording(subject.tree.content_id, files) for files in (READ, [READ_OTHERS[0], READ[0]]))
    listed = merged_accesses([Recorded("a", first, first), Recorded("b", second, second)], subject.tree)
    # a has 11 files, b three: READ[0] at 0 of a, READ_OTHERS[0] at 0 of b, READ[7] at 7/11, large at 2/3 of b
    paths = [path for _, path in listed]
    assert paths == [READ[0], READ_OTHERS[0], *READ[1:8], LARGE, *READ[8:]]


def test_a_network_is_a_rate_and_a_round_trip():
    name, network = parse_network("100 Mbit/s, 20ms")
    assert (name, network.rate_bytes_s, network.rtt_s) == ("100 Mbit/s, 20ms", 12.5e6, 0.02)


@pytest.mark.parametrize("text", ["100 Mbit/s", "fast,20ms", "0 Mbit/s,20ms", "100 Mbit/s,soon"])
def test_another_network_is_refused_in_one_line(text):
    with pytest.raises(BadInput) as caught:
        parse_network(text)
    assert "\n" not in str(caught.value)

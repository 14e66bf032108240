"""The probe of the machine's speed does the same work each time; how long it takes is nobody's promise."""

from sim.testbed.speed import Probe


def test_each_part_takes_some_time():
    probe = Probe()
    for _ in range(2):
        found = probe.seconds()
        assert set(found) == {"probe_inflate_s", "probe_hash_s", "probe_memory_s"}
        assert all(seconds > 0 for seconds in found.values())

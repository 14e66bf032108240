"""The statistics behind a host file, checked with times one can work out in the head."""

import pytest

from sim.core.host import Host
from sim.testbed import calib, constants
from sim.testbed.fit import Sample, Statistic, fit_cost, fit_terms, relative_spread, typical_s


def test_a_cost_that_is_exactly_linear_is_found_again():
    cost = fit_cost({0: 0.5, 100: 0.7, 1_000_000: 2000.5})  # half a second and 2 ms a unit
    assert cost.fixed_s == pytest.approx(0.5)
    assert cost.per_unit_s == pytest.approx(0.002)


def test_a_cost_never_falls_with_more_work():
    cost = fit_cost({1: 2.0, 2: 1.0})
    assert cost.per_unit_s == 0
    assert 1.0 <= cost.fixed_s <= 2.0


def test_time_splits_into_its_terms():
    work = [(10**6, 4 * 10**5, 2000), (10**8, 3 * 10**7, 8), (10**8, 5 * 10**6, 8), (5 * 10**7, 2 * 10**7, 800)]
    rows = [((float(raw), float(packed), float(n)), 1e-9 * raw + 2e-8 * packed + 5e-5 * n) for raw, packed, n in work]
    assert fit_terms(rows) == pytest.approx([1e-9, 2e-8, 5e-5])


def test_a_term_that_would_be_negative_is_left_out():
    assert fit_terms([((1.0, 1.0), 1.0), ((1.0, 2.0), 0.5)])[1] == 0


def test_statistics_of_one_to_five():
    seconds = [5.0, 1.0, 4.0, 2.0, 3.0]
    assert typical_s(seconds, Statistic.QUICKEST) == 1
    assert typical_s(seconds, Statistic.FIRST_QUARTILE) == 2
    assert relative_spread([seconds]) == pytest.approx(2 / 1.349 / 3)  # quartiles 2 and 4, median 3


def test_one_outlier_does_not_move_the_spread():
    assert relative_spread([[1.0] * 9 + [50.0]]) == 0


VERSIONS = dict.fromkeys(("go", "stargz", "containerd", "kernel", "runtime"), "x 1")


def _every_measure() -> list[Sample]:
    """A machine on which each thing takes a time one can work out in the head."""
    sized = {"hash": 0.0, "region_server": 5e-4, "fuse_read": 1e-3, "local_read": 1e-3}
    samples = [Sample(name, n, 1, fixed + 1e-9 * n) for name, fixed in sized.items() for n in (10**4, 10**6)]
    once = ["fuse_lookup", "fuse_readdir", "mount", "mount_resolve", "local_lookup", "local_readdir", "start", "exit"]
    once += [
        "start_call",
        "task_delete",
        "pull_begin",
        "pull_document",
        "full_create",
        "lazy_create",
        "served",
        "carried",
    ]
    samples += [Sample(name, 0, 1, 1e-3) for name in once]
    # reads of regions: 2 ms, 50 µs a region and 1 ns a byte; again: 10 µs a region and 0.1 ns a byte
    regions = [(regions, regions * size) for size in (12_500, 50_000, 200_000) for regions in (1, 5, 21)]
    samples += [Sample("region", size, n, 2e-3 + 5e-5 * n + 1e-9 * size) for n, size in regions]
    samples += [Sample("region_read", size, n, 1e-5 * n + 1e-10 * size) for n, size in regions]
    # a first touch: request 2 ms, 8 ms more, 2 ns a packed byte of regions, 20 of inflate, 1 of sha256, 2 of the rest
    touched = [(10**6, 5 * 10**5), (10**6, 10**5), (4 * 10**6, 10**6), (4 * 10**6, 4 * 10**5)]
    touches = [(raw, packed, 10e-3 + 22e-9 * packed + 3e-9 * raw) for raw, packed in touched]
    samples += [Sample("touch", raw, 1, seconds, packed) for raw, packed, seconds in touches]
    samples.append(Sample("touch_processor", 0, 1, 1.5 * sum(seconds for *_, seconds in touches)))
    # decoded ahead on two cores: 10 µs of regions a chunk, 0.4 ms more, 1 ns of sha256 a raw byte, 3 of the rest; half
    # as much of it passes in the collector
    ahead = [(6 * 10**5, 1000, 3 * 10**5), (4 * 10**6, 1, 10**6), (10**8, 25, 3 * 10**7)]
    samples += [Sample("ahead", raw, n, 1.5 * _ahead_s(raw, n, packed) / 2, packed) for raw, n, packed in ahead]
    samples += [Sample("toc", n, n // 300, 2e-3 + 1e-8 * n) for n in (10**5, 10**6)]
    samples += [
        Sample("unpack", raw, files, 1e-9 * raw + 2e-8 * packed + 1e-5 * files, packed)
        for raw, packed, files in [(10**6, 5 * 10**5, 3000), (10**8, 3 * 10**7, 4), (10**8, 5 * 10**6, 4)]
    ]
    samples += [Sample("commit", n, 1, 5e-3 + 1e-9 * n) for n in (10**6, 10**8)]
    samples += [Sample("full_start", 0, 1, 60e-3), Sample("lazy_start", 0, 1, 67e-3)]
    samples.append(Sample("resolved_tail", 0, 1, 5e-3 + 2e-3 + 12e-3))  # a mount, the pull's end, and a wake-up
    samples.append(Sample("busy_tail", 0, 7, 2e-3 + 7 * (5e-3 + 0.1)))
    samples += [Sample("lazy_tail", 0, n, 4e-3 + 5e-3 * n) for n in (1, 6)]
    return samples + [Sample("full_tail", 0, n, 20e-3 + 3e-3 * n) for n in (1, 6)]


def _ahead_s(raw: int, chunks: int, packed: int) -> float:
    return 4.1e-4 * chunks + 4e-9 * raw + (20e-9 + 1e-10 + 1e-5 / 50_000) * packed


def test_every_constant_of_a_host_is_made_and_the_parts_add_up():
    found = constants.host_constants(constants.Measured(_every_measure(), VERSIONS), cores=2)
    assert set(found) == set(Host.__dataclass_fields__)
    worked_out = {
        "chunk_s": 8e-3, "chunk_s_per_byte": 2e-9, "inflate_s_per_packed_byte": 20e-9, "hash_s_per_byte": 1e-9,
        "ahead_chunk_s": 4e-4, "ahead_chunk_s_per_byte": 3e-9,
        "decode_beside": 0.5, "request_s": 1.5e-3, "region_s": 5e-5, "region_s_per_byte": 1e-9, "region_read_s": 1e-5,
        "region_read_s_per_byte": 1e-10, "toc_s_per_byte": 1e-8,
        "unpack_s_per_byte": 1e-9, "unpack_s_per_packed_byte": 2e-8, "unpack_s_per_file": 1e-5,
        "commit_s_per_byte": 1e-9, "fuse_mount_s": 5e-3, "snapshot_s": 3e-3, "commit_s": 16e-3, "pull_s": 3e-3,
        "toc_s": 2e-3, "wake_s": 12e-3, "busy_wake_s": 0.1, "lazy_start_s": 8e-3,
        "document_s": 1e-3, "fuse_readdir_s": 0.5e-3, "create_s": 1e-3, "lazy_create_s": 1e-3,
    }  # fmt: skip
    for name, value in worked_out.items():
        assert found[name].value == pytest.approx(value, rel=1e-6), name
    assert found["exit_s"].source.endswith("x 1, first quartile, n=1")


def test_a_missing_measure_is_named():
    with pytest.raises(KeyError, match="hash"):
        constants.host_constants(constants.Measured([], {}), cores=1)


def test_samples_are_read_as_the_program_prints_them():
    printed = (
        b'{"measure":"toc","bytes":7,"files":1,"seconds":0.5}\n{"measure":"toc","bytes":8,"files":1,"seconds":1}\n'
    )
    assert calib.parse_samples(printed) == [Sample("toc", 7, 1, 0.5), Sample("toc", 8, 1, 1.0)]

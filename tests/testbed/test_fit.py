"""The statistics behind a host file, checked with times one can work out in the head."""

import pytest

from sim.core.host import Host
from sim.testbed import calibrate, constants
from sim.testbed.fit import Sample, Statistic, fit_bytes_and_files, fit_cost, relative_spread, typical_s


def test_a_cost_that_is_exactly_linear_is_found_again():
    cost = fit_cost({0: 0.5, 100: 0.7, 1_000_000: 2000.5})  # half a second and 2 ms a unit
    assert cost.fixed_s == pytest.approx(0.5)
    assert cost.per_unit_s == pytest.approx(0.002)


def test_a_cost_never_falls_with_more_work():
    cost = fit_cost({1: 2.0, 2: 1.0})
    assert cost.per_unit_s == 0
    assert 1.0 <= cost.fixed_s <= 2.0


def test_unpack_time_splits_into_bytes_and_files():
    truth = {(size, files): 3e-9 * size + 5e-5 * files for size, files in [(10**6, 2000), (10**8, 8), (5 * 10**7, 800)]}
    assert fit_bytes_and_files(truth) == pytest.approx((3e-9, 5e-5))


def test_statistics_of_one_to_five():
    seconds = [5.0, 1.0, 4.0, 2.0, 3.0]
    assert typical_s(seconds, Statistic.QUICKEST) == 1
    assert typical_s(seconds, Statistic.FIRST_QUARTILE) == 2
    assert relative_spread({(0, 1): seconds}) == pytest.approx(2 / 1.349 / 3)  # quartiles 2 and 4, median 3


def test_one_outlier_does_not_move_the_spread():
    assert relative_spread({(0, 1): [1.0] * 9 + [50.0]}) == 0


def _every_measure() -> list[Sample]:
    """A machine on which a byte costs 1 ns, a file 10 µs, and each operation 1 ms."""
    sized = ["inflate", "hash", "toc", "region", "region_server", "fuse_read", "local_read"]
    once = [
        "snapshot",
        "fuse_lookup",
        "fuse_readdir",
        "mount",
        "local_lookup",
        "local_readdir",
        "create",
        "start",
        "exit",
    ]
    once += ["mount_resolve", "start_call", "task_delete"]
    samples = [Sample(name, size, 1, 1e-3 + 1e-9 * size) for name in sized for size in (10**4, 10**6)]
    samples += [Sample("chunk_miss", size, 1, 5e-3 + 4e-9 * size) for size in (10**4, 10**6)]
    samples += [
        Sample("chunk_hit", 1 << 14, 1, 3e-3),
        Sample("chunk_hit", 1 << 17, 1, 1e-2),
        Sample("chunk_hit", 1 << 22, 1, 1e-2),
    ]
    samples += [Sample(name, 0, 1, 1e-3) for name in once] + [Sample("fuse_transport", 0, 50, 2e-4)]
    samples += [
        Sample("unpack", size, files, 1e-9 * size + 1e-5 * files) for size, files in [(10**6, 3000), (10**8, 4)]
    ]
    return samples


def test_every_constant_of_a_host_is_made_and_the_parts_of_a_chunk_add_up():
    measured = constants.Measured(
        _every_measure(), dict.fromkeys(("go", "stargz", "containerd", "kernel", "runtime"), "x 1")
    )
    found = constants.host_constants(measured, cores=2)
    assert set(found) == set(Host.__dataclass_fields__)
    assert found["chunk_s"].value == pytest.approx(5e-3 - 2 * 1e-3)  # less inflate's and sha256's own fixed parts
    assert found["chunk_s_per_byte"].value == pytest.approx(2e-9)  # 4 - 1 - 1
    assert found["request_s"].value == pytest.approx(0)  # the server took all of the fixed part
    assert found["unpack_s_per_file"].value == pytest.approx(1e-5)
    assert found["fuse_lookup_s"].value == pytest.approx(8e-4)  # less the way to the server and back
    assert found["fuse_readdir_s"].value == pytest.approx(4e-4)  # three of them
    slope = (1e-2 - 3e-3) / ((1 << 17) - (1 << 14))  # a chunk of 4 MiB is read through a window of 128 KiB
    assert found["fuse_read_s_per_byte"].value == pytest.approx(slope)
    assert found["create_s"].source == (
        "measured by `lazypull testbed calibrate`, NewContainer with snapshot and spec, x 1, first quartile, n=1"
    )


def test_a_missing_measure_is_named():
    measured = constants.Measured([], {})
    with pytest.raises(KeyError, match="inflate"):
        constants.host_constants(measured, cores=1)


def test_samples_are_read_as_the_program_prints_them():
    printed = (
        b'{"measure":"toc","bytes":7,"files":1,"seconds":0.5}\n{"measure":"toc","bytes":8,"files":1,"seconds":1}\n'
    )
    assert calibrate.parse_samples(printed) == [Sample("toc", 7, 1, 0.5), Sample("toc", 8, 1, 1.0)]

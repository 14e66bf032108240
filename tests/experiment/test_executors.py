"""Each executor runs the conformance suite."""

import pytest

from sim.core.errors import BadInput
from sim.experiment.executors import Dask, Processes, Serial, make_executor
from sim.testing.executor import EXECUTOR_CONFORMANCE


def dask():
    pytest.importorskip("distributed", reason="the dask extra is not installed: Dask executor NOT tested")
    return Dask(2)


@pytest.mark.parametrize("make", [Serial, lambda: Processes(2), dask], ids=["serial", "processes", "dask"])
@pytest.mark.parametrize("check", EXECUTOR_CONFORMANCE, ids=lambda check: check.__name__)
def test_conformance(make, check, tmp_path):
    check(make, tmp_path)


def test_an_unknown_executor_is_one_line():
    with pytest.raises(BadInput, match="executor 'cloud' is unknown; use one of serial, processes, dask"):
        make_executor("cloud")


def test_no_jobs_is_refused():
    with pytest.raises(BadInput, match="jobs is 0"):
        make_executor("processes", 0)

"""Which run is kept, where ready is when recording went on, and which files come before the landmark."""

import pytest

from sim.catalog.recordings import middle, ready_at, record_runs, spread
from sim.core.errors import BadBundle, RunFailed
from sim.core.tree import Tree
from sim.plan.priorities import paths_by_layer
from tests.catalog.conftest import MILLISECOND, tiny_trace


@pytest.mark.parametrize(("ready_ms", "kept", "second"), [((30, 10, 21), 21, 30), ((10, 40), 10, 40)])
def test_the_middle_run_is_kept_and_its_neighbour_beside_it(ready_ms: tuple[int, ...], kept: int, second: int) -> None:
    first, other = middle([tiny_trace("sha256:0", ready) for ready in ready_ms])
    assert first.ready_ns == kept * MILLISECOND
    assert other is not None
    assert other.ready_ns == second * MILLISECOND


def test_a_single_run_has_no_neighbour() -> None:
    recorded = record_runs(lambda: tiny_trace("sha256:0", 5), 1, quiet_wait_s=0)
    assert recorded.second is None
    assert recorded.ready_s == (0.005,)


def test_ready_moves_to_an_earlier_mark_and_the_steps_stay() -> None:
    trace = tiny_trace("sha256:0", 30, {"step 1": 10, "step 2": 30})
    moved = ready_at(trace, "step 1", "mark:step 1")
    assert moved.ready_ns == 10 * MILLISECOND
    assert moved.header.readiness == "mark:step 1"
    assert moved.mark_ns("step 2") == 30 * MILLISECOND
    assert moved.operations.num_rows == trace.operations.num_rows


def test_ready_cannot_move_to_a_mark_that_never_came() -> None:
    with pytest.raises(BadBundle, match="no mark 'step 9'"):
        ready_at(tiny_trace("sha256:0", 30), "step 9", "mark:step 9")


def test_spread_is_range_over_median() -> None:
    assert spread([2.0, 1.0, 4.0]) == pytest.approx((4 - 1) / 2)
    with pytest.raises(RunFailed):
        spread([])


def test_files_come_in_order_of_first_access_each_in_its_own_layer(tiny_tree: Tree) -> None:
    assert paths_by_layer(tiny_trace(tiny_tree.content_id, 20), tiny_tree) == [["bin/sh"], ["srv/hello"]]

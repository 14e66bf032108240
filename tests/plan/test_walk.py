"""The order in which a prefetched layer is decoded."""

from dataclasses import replace
from itertools import groupby

import pyarrow as pa

from sim.plan.columns import layout_columns
from sim.plan.walk import prefetch_walk
from tests.model.conftest import make_layout

NAMES = [f"{folder}/{name}" for name in range(20) for folder in ("usr/bin", "usr/lib", "opt")]
SIZE = 1000


def walked(landmark, layer=0):
    columns = layout_columns(make_layout([[(name, SIZE, SIZE) for name in NAMES]] * 2, landmark=landmark))
    first, _ = columns.blob_units[layer]
    return [unit - first for unit in prefetch_walk(columns, layer, columns.landmark_offset[layer])]


def test_all_before_the_landmark_is_met_once_and_nothing_behind_it():
    for landmark in (1, 7, len(NAMES)):
        assert sorted(walked(landmark)) == list(range(landmark))
        assert walked(landmark, layer=1) == walked(landmark)


def test_a_folder_is_walked_to_its_end_in_an_order_of_its_own():
    folders = [NAMES[unit].rpartition("/")[0] for unit in walked(len(NAMES))]
    in_turn = [folder for folder, _ in groupby(folders)]
    assert sorted(in_turn) == ["opt", "usr/bin", "usr/lib"]
    assert abs(in_turn.index("usr/bin") - in_turn.index("usr/lib")) == 1
    within = [unit for unit in walked(len(NAMES)) if NAMES[unit].startswith("opt/")]
    assert within != sorted(within)


def test_a_file_that_begins_before_the_landmark_is_met_whole():
    apart = make_layout([[("a", SIZE, SIZE), ("b", SIZE, SIZE)]], landmark=1)
    column = apart.extents.schema.get_field_index("entry")
    extents = apart.extents.set_column(column, apart.extents.schema.field(column), pa.array([0, 0], pa.int32()))
    columns = layout_columns(replace(apart, extents=extents))
    assert columns.landmark_offset[0] == SIZE
    assert list(prefetch_walk(columns, 0, SIZE)) == [0, 1]

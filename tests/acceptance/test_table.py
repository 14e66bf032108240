"""The committed table says what the documentation says of it: every row was accepted by every judge."""

from pathlib import Path

import pytest

from sim.validation.tables import from_csv
from tests.acceptance.options import PAIRWISE
from tests.acceptance.table import Row, new_row

TABLE = Path(__file__).resolve().parents[2] / "docs" / "validation" / "acceptance.csv"
ROWS = from_csv(TABLE, Row)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: "-".join(map(str, row.key)))
def test_row_was_accepted(row):
    assert (row.differences, row.toc_differences) == (0, 0)
    assert min(row.files, row.content_bytes, row.toc_entries) > 0
    assert (row.rpull_mounts, row.rpull_whole_requests) == (row.layers, 0)
    assert row.asked_toc_digests == (None if row.format == "external-toc" else row.layers)
    assert (row.run_mounts, row.run_whole_requests, row.ready) == (row.layers, 0, True)
    assert 0 < row.fetched_bytes < row.image_bytes
    assert row.min_chunk_size_bytes or row.verified_layers == row.layers


def test_rows_are_of_the_option_sets_and_each_is_there_once():
    keys = [row.key for row in ROWS]
    assert len(set(keys)) == len(keys)
    assert set(keys) <= {new_row(row.workload, options, []).key for row in ROWS for options in PAIRWISE}

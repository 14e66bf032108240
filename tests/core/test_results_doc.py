"""docs/results.md names every key and column that results have."""

from pathlib import Path

import pytest

from sim.core.manifest import SUMMARY_KEYS, Manifest
from sim.core.result import REQUEST_CAUSES, REQUESTS_SCHEMA, SPANS_SCHEMA, STEPS_SCHEMA

TEXT = (Path(__file__).parents[2] / "docs" / "results.md").read_text()
NAMES = [
    *SUMMARY_KEYS,
    *Manifest.__struct_fields__,
    *REQUEST_CAUSES,
    *(name for schema in (SPANS_SCHEMA, REQUESTS_SCHEMA, STEPS_SCHEMA) for name in schema.names),
]


@pytest.mark.parametrize("name", dict.fromkeys(NAMES))
def test_every_key_and_column_is_defined(name):
    assert f"`{name}`" in TEXT

"""`lazypull catalog list` and `show`, on the tiny workload; sums by hand."""

import json

import pytest
from click.testing import CliRunner

from sim.cli.catalog import catalog

RAW_BYTES = len(b"shell") + len(b"dash") + len(b"echo hello")


@pytest.mark.usefixtures("tiny")
def test_list_gives_sizes_counts_and_start_times() -> None:
    done = CliRunner().invoke(catalog, ["list", "--json"], catch_exceptions=False)
    (row,) = json.loads(done.stdout)
    assert row["layers"] == 2
    assert row["files"] == 5  # two folders, three files
    assert row["raw_size"] == RAW_BYTES
    assert row["traces"]["throttled"]["reads"] == 2
    assert row["traces"]["throttled"]["read_bytes"] == 2 * 4096
    assert row["traces"]["throttled"]["ready_s"] == pytest.approx(0.020)
    assert "local" not in row["traces"]  # not recorded: absent, not zero


@pytest.mark.usefixtures("tiny")
def test_tables_are_printed_for_people() -> None:
    listed = CliRunner().invoke(catalog, ["list"], catch_exceptions=False)
    assert listed.stdout.splitlines()[1].split()[0] == "tiny"
    shown = CliRunner().invoke(catalog, ["show", "tiny"], catch_exceptions=False)
    assert "/bin/sh /srv/hello" in shown.stdout
    assert "ready after 0.020 s" in shown.stdout
